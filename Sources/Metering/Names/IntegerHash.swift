/// A fast seeded hash of a few words for tables whose keys are small dense numbers.
///
/// It folds the 128-bit product of two words, the step of Wang Yi's wyhash. It is not a keyed hash
/// that withstands an attacker who can measure; what it places is compared exactly.
struct IntegerHash: Sendable {
  private let first: UInt64
  private let second: UInt64

  /// Odd numbers with random bits: the fractions of the golden ratio and of √2 and √3.
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let root2: UInt64 = 0x6A09_E667_F3BC_C909
  private static let root3: UInt64 = 0xBB67_AE85_84CA_A73B

  /// The hash of one seed; two seeds place the same keys differently.
  init(seed: UInt64) {
    first = IntegerHash.fold(seed ^ IntegerHash.root2, IntegerHash.golden)
    second = IntegerHash.fold(seed ^ IntegerHash.root3, IntegerHash.golden)
  }

  /// The hash of one word.
  @inline(__always)
  func callAsFunction(_ word: UInt64) -> UInt64 {
    IntegerHash.fold(IntegerHash.fold(word ^ first, IntegerHash.golden) ^ second, IntegerHash.root3)
  }

  /// A hash of two words for a table without chains, where two keys in one place cost little.
  @inline(__always)
  func word(_ a: UInt64, _ b: UInt64) -> UInt64 { IntegerHash.fold(a ^ first, b ^ second) }

  /// The hash of three words.
  @inline(__always)
  func callAsFunction(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
    let ab = IntegerHash.fold(a ^ first, b ^ second)
    return IntegerHash.fold(ab ^ IntegerHash.root2, c ^ first ^ IntegerHash.golden)
  }

  /// The hash of bytes, such as a name. Whoever does not know the seed cannot choose bytes that
  /// collide, and those that do cost time alone.
  @inline(__always)
  func callAsFunction(_ bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    var state = second
    var offset = 0
    while count &- offset > 16 {
      state = IntegerHash.fold(
        bytes.word(at: offset) ^ first, bytes.word(at: offset &+ 8) ^ state)
      offset &+= 16
    }
    // The last 1 to 16 bytes; what overlaps was mixed before and does no harm.
    let ends = NameEnds(bytes.extracting(droppingFirst: offset))
    state = IntegerHash.fold(ends.first ^ first, ends.last ^ state)
    return IntegerHash.fold(state ^ IntegerHash.root2, UInt64(count) ^ IntegerHash.golden)
  }

  @inline(__always)
  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
