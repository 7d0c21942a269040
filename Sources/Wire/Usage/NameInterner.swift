/// The table of names that a frame under construction refers to by index.
///
/// Names are compared by their bytes: Swift's comparison of strings, which takes canonically
/// equivalent ones for equal, would merge names that the service keeps apart.
struct NameInterner: Sendable {
  /// The entries as they stand in a frame.
  private(set) var bytes: [UInt8] = []
  /// Number of entries.
  private(set) var count = 0
  private let hasTypes: Bool
  private var places: [UInt64: (entry: Int, start: Int)] = [:]

  /// An empty table, of contexts or of plain names.
  init(hasTypes: Bool) { self.hasTypes = hasTypes }

  /// Where a name is or would be.
  struct Slot {
    var entry: Int
    /// Bytes that the table would grow by; 0 if the name is there.
    var growth: Int
    fileprivate var hash: UInt64
  }

  /// Looks a name up without adding it.
  func slot(_ name: String, type: UInt8) -> Slot {
    let text = name.utf8Span.span
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(type)
    for index in text.indices {
      hash = (hash ^ UInt64(text[index])) &* 0x0100_0000_01B3
    }
    if let place = places[hash], isEntry(at: place.start, text, type: type) {
      return Slot(entry: place.entry, growth: 0, hash: hash)
    }
    return Slot(entry: count, growth: (hasTypes ? 2 : 1) + text.count, hash: hash)
  }

  /// Adds the name that a slot was looked up for, unless it is there. A name whose hash is that of
  /// another one gets an entry each time; equal entries are allowed.
  mutating func add(_ name: String, type: UInt8, at slot: Slot) {
    guard slot.growth > 0 else { return }
    places[slot.hash] = (count, bytes.count)
    if hasTypes { bytes.append(type) }
    bytes.append(UInt8(truncatingIfNeeded: name.utf8.count))
    bytes.append(contentsOf: name.utf8)
    count += 1
  }

  /// Forgets all names and keeps the capacity.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    count = 0
  }

  private func isEntry(at start: Int, _ text: Span<UInt8>, type: UInt8) -> Bool {
    var offset = start
    if hasTypes {
      guard bytes[offset] == type else { return false }
      offset += 1
    }
    guard Int(bytes[offset]) == text.count else { return false }
    for index in text.indices where bytes[offset + 1 + index] != text[index] { return false }
    return true
  }
}
