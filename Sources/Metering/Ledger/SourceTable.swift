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
    /// The bytes of its name.
    let name: [UInt8]
    /// A number that no other entry of this table ever has.
    let serial: UInt32
    /// What it is found by.
    let hash: UInt64
    var highestIssued: UInt64 = 0
    var lastArrival: Timestamp
    var sequences: SequenceSet
    /// The arrival of the last batch behind which none was missing.
    var completeThrough = Timestamp(milliseconds: 0)
    /// Missing sequences that an operator gave up, ascending.
    var accepted: [ClosedRange<UInt64>] = []
    /// Sequences that were reserved in the group that is being judged.
    var reserved: [UInt64] = []

    /// The highest sequence that the source is known to have issued.
    var highestKnown: UInt64 { max(highestIssued, sequences.highest) }

    /// Whether no sequence is missing that was not given up.
    var isComplete: Bool {
      if sequences.isComplete(upTo: highestKnown) { return true }
      return !accepted.isEmpty && openGaps.isEmpty
    }

    /// The missing sequences that were not given up, ascending.
    var openGaps: [ClosedRange<UInt64>] {
      sequences.gaps(upTo: highestKnown, limit: .max).without(accepted)
    }

    /// Takes a batch of this arrival into account, which is in ``sequences`` already.
    mutating func noteArrival(_ arrival: Timestamp) {
      lastArrival = max(lastArrival, arrival)
      if isComplete { completeThrough = lastArrival }
    }
  }

  private var entries: [Entry] = []
  private var index = HashIndex()
  /// The place that was asked for last: batches of one source often come together.
  private var latest = 0
  private var nextSerial: UInt32 = 0
  /// No entry's last arrival is before this one.
  private var oldestArrival = Timestamp(milliseconds: .min)
  /// Places with sequences that were reserved in the group that is being judged.
  private var reservedPlaces: [Int] = []
  private let limit: Int
  private let gapLimit: Int
  private let hash: IntegerHash

  /// A table of at most `limit` sources with `gapLimit` ranges of sequences each.
  ///
  /// - Parameter seed: a number that senders do not know; it moves the sources in memory.
  init(limit: Int, gapLimit: Int, seed: UInt64) {
    self.limit = limit
    self.gapLimit = gapLimit
    hash = IntegerHash(seed: seed)
  }

  var count: Int { entries.count }

  /// The place of a source and epoch, made when it is new; nil at the limit.
  ///
  /// - Complexity: O(1) for a known source, O(limit) for a new one that takes another's place.
  mutating func place(
    name: RawSpan, epoch: UInt64, arrival: Timestamp, silentBefore: Timestamp
  ) -> Int? {
    if latest < entries.count, isEntry(latest, name: name, epoch: epoch) { return latest }
    let hash = hash(hash(name), epoch, 0)
    if let row = index.find(hash, where: { isEntry(Int($0), name: name, epoch: epoch) }) {
      latest = Int(row)
      return latest
    }
    let place: Int
    if entries.count < limit {
      place = entries.count
    } else if let silent = silentPlace(before: silentBefore) {
      place = silent
      index.remove(entries[place].hash, row: UInt32(truncatingIfNeeded: place))
    } else {
      return nil
    }
    let bytes = unsafe name.withUnsafeBytes { unsafe [UInt8]($0) }
    let entry = Entry(
      identity: SourceIdentity(name: String(decoding: bytes, as: UTF8.self), epoch: epoch),
      name: bytes, serial: nextSerial, hash: hash, lastArrival: arrival,
      sequences: SequenceSet(maximumRanges: gapLimit))
    nextSerial += 1
    if place == entries.count {
      entries.append(entry)
    } else {
      entries[place] = entry
    }
    index.insert(hash, row: UInt32(truncatingIfNeeded: place))
    latest = place
    return place
  }

  /// The place of a source and epoch that is known.
  func known(name: RawSpan, epoch: UInt64) -> Int? {
    index.find(hash(hash(name), epoch, 0), where: { isEntry(Int($0), name: name, epoch: epoch) })
      .map { Int($0) }
  }

  /// A place whose source is silent. It looks only if it may find one.
  private mutating func silentPlace(before silentBefore: Timestamp) -> Int? {
    guard oldestArrival < silentBefore else { return nil }
    if let place = entries.firstIndex(where: { $0.lastArrival < silentBefore }) { return place }
    oldestArrival = entries.map(\.lastArrival).min() ?? oldestArrival
    return nil
  }

  private func isEntry(_ place: Int, name: RawSpan, epoch: UInt64) -> Bool {
    let count = name.byteCount
    guard entries[place].identity.epoch == epoch, entries[place].name.count == count else {
      return false
    }
    for index in 0..<count where entries[place].name[index] != name.byte(at: index) {
      return false
    }
    return true
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
        sequences: sequences, completeThrough: $0.completeThrough, accepted: $0.accepted)
    }.sorted {
      $0.identity.name == $1.identity.name
        ? $0.identity.epoch < $1.identity.epoch : $0.identity.name < $1.identity.name
    }
  }
}
