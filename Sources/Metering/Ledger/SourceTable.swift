import Dedup
import Wire

/// The sources and epochs that the ledger knows.
///
/// Bounded: a source that has been silent for longer than the dedup window gives its place to a new
/// one, since nothing that it could send again would still be accepted as new.
struct SourceTable: ~Copyable {
  /// What the ledger knows of one source and epoch.
  struct Entry {
    let identity: SourceIdentity
    /// A number that no other entry of this table ever has.
    let serial: UInt32
    /// Where it stands among the places.
    let key: UInt64
    var highestIssued: UInt64 = 0
    var lastArrival: Timestamp
    var sequences: SequenceSet
    /// Sequences that were reserved in the group that is being judged.
    var reserved: [UInt64] = []
  }

  private var entries: [Entry] = []
  private var places: [UInt64: Int] = [:]
  private var nextSerial: UInt32 = 0
  /// No entry's last arrival is before this one.
  private var oldestArrival = Timestamp(milliseconds: .min)
  /// Places with sequences that were reserved in the group that is being judged.
  private var reservedPlaces: [Int] = []
  private let limit: Int
  private let gapLimit: Int
  private let hasher: KeyHasher

  init(limit: Int, gapLimit: Int, hasher: KeyHasher) {
    self.limit = limit
    self.gapLimit = gapLimit
    self.hasher = hasher
  }

  var count: Int { entries.count }

  /// The place of a source and epoch, made when it is new; nil at the limit.
  ///
  /// - Complexity: O(1) for a known source, O(limit) for a new one that takes another's place.
  mutating func place(
    name: RawSpan, epoch: UInt64, arrival: Timestamp, silentBefore: Timestamp
  ) -> Int? {
    var key = hasher.word(of: name) ^ (epoch &* 0x9e37_79b9_7f4a_7c15)
    while let place = places[key] {
      if isEntry(place, name: name, epoch: epoch) { return place }
      key &+= 1
    }
    let place: Int
    if entries.count < limit {
      place = entries.count
    } else if let silent = silentPlace(before: silentBefore) {
      place = silent
      places[entries[place].key] = nil
    } else {
      return nil
    }
    let text = unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let entry = Entry(
      identity: SourceIdentity(name: text, epoch: epoch), serial: nextSerial, key: key,
      lastArrival: arrival, sequences: SequenceSet(maximumRanges: gapLimit))
    nextSerial += 1
    if place == entries.count {
      entries.append(entry)
    } else {
      entries[place] = entry
    }
    places[key] = place
    return place
  }

  /// A place whose source is silent. It looks only if it may find one.
  private mutating func silentPlace(before silentBefore: Timestamp) -> Int? {
    guard oldestArrival < silentBefore else { return nil }
    if let place = entries.firstIndex(where: { $0.lastArrival < silentBefore }) { return place }
    oldestArrival = entries.map(\.lastArrival).min() ?? oldestArrival
    return nil
  }

  private func isEntry(_ place: Int, name: RawSpan, epoch: UInt64) -> Bool {
    let identity = entries[place].identity
    guard identity.epoch == epoch, identity.name.utf8.count == name.byteCount else { return false }
    return unsafe name.withUnsafeBytes { unsafe identity.name.utf8.elementsEqual($0) }
  }

  /// The source at a place. Reading a field through it copies nothing.
  subscript(place: Int) -> Entry {
    _read { yield entries[place] }
    _modify { yield &entries[place] }
  }

  /// Notes that a batch has a receipt, or will have one at the end of the group.
  ///
  /// - Returns: false if the source has too many gaps to remember one more.
  mutating func reserve(_ sequence: UInt64, at place: Int) -> Bool {
    guard entries[place].sequences.insert(sequence) != .tooManyGaps else { return false }
    if entries[place].reserved.isEmpty { reservedPlaces.append(place) }
    entries[place].reserved.append(sequence)
    return true
  }

  /// Whether a sequence was reserved in the group that is being judged.
  func isReserved(_ sequence: UInt64, at place: Int) -> Bool {
    entries[place].reserved.contains(sequence)
  }

  /// Ends the group: its batches have receipts now.
  mutating func endGroup() {
    for place in reservedPlaces { entries[place].reserved.removeAll(keepingCapacity: true) }
    reservedPlaces.removeAll(keepingCapacity: true)
  }

  /// All sources, ascending by name and epoch.
  func snapshot() -> [LedgerSnapshot.Source] {
    entries.map {
      var sequences: [UInt8] = []
      $0.sequences.encode(into: &sequences)
      return LedgerSnapshot.Source(
        identity: $0.identity, highestIssued: $0.highestIssued, lastArrival: $0.lastArrival,
        sequences: sequences)
    }.sorted {
      $0.identity.name == $1.identity.name
        ? $0.identity.epoch < $1.identity.epoch : $0.identity.name < $1.identity.name
    }
  }
}
