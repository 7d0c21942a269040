import Wire

/// The numbers of names that were looked for lately, so that a name that frames repeat is found in
/// one step.
///
/// A name has one place, which it takes from whatever was there: nothing depends on what is
/// remembered. One owner.
struct RecentNames: ~Copyable {
  private struct Entry: BitwiseCopyable {
    var first: UInt64
    var last: UInt64
    var tag: UInt32
    var number: UInt32
  }

  /// No name has this tag: its length is at most 255 and its type has eight bits.
  private static let noTag = UInt32.max
  /// log₂ of the places.
  private static let placeBits: UInt64 = 12

  private let entries = ScratchColumn(
    filler: Entry(first: 0, last: 0, tag: noTag, number: 0), capacity: 1 << Int(placeBits))
  private let hash: IntegerHash

  init(hash: IntegerHash) { self.hash = hash }

  /// The number that was noted for a key, or nil. A key that is not whole may be another name's.
  @inline(__always)
  func find(_ key: NameKey) -> UInt32? {
    let entry = entries[place(of: key)]
    let isKnown =
      (entry.first ^ key.first) | (entry.last ^ key.last) | UInt64(entry.tag ^ key.tag) == 0
    return isKnown ? entry.number : nil
  }

  /// Notes the number of a name.
  mutating func note(_ key: NameKey, _ number: UInt32) {
    entries[place(of: key)] = Entry(
      first: key.first, last: key.last, tag: key.tag, number: number)
  }

  @inline(__always)
  private func place(of key: NameKey) -> Int {
    Int(
      truncatingIfNeeded: hash.word(key.first, key.last ^ UInt64(key.tag)) >> (64 - Self.placeBits))
  }
}
