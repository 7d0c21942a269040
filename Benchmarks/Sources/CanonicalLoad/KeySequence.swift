/// Keys that were never used.
///
/// Two counters that differ give two keys that differ: every step of the mixing (that of
/// SplitMix64) can be undone.
public struct KeySequence {
  /// What keeps these keys apart from others.
  public let seed: UInt64
  /// Keys so far.
  public private(set) var counter: UInt64

  /// Goes on behind a counter.
  public init(seed: UInt64, counter: UInt64) {
    self.seed = seed
    self.counter = counter
  }

  /// The part of the next key that differs from all others.
  @inline(__always)
  public mutating func next() -> UInt64 {
    counter &+= 1
    var mixed = counter &+ seed
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Writes the next key as 16 bytes.
  @unsafe
  @inline(__always)
  public mutating func writeRaw(to target: UnsafeMutableRawPointer) {
    unsafe target.storeBytes(of: seed, as: UInt64.self)
    unsafe target.storeBytes(of: next(), toByteOffset: 8, as: UInt64.self)
  }

  /// Writes the next key as 16 letters.
  @unsafe
  @inline(__always)
  public mutating func writeText(to target: UnsafeMutableRawPointer) {
    let word = next()
    unsafe target.storeBytes(
      of: Self.letters(UInt32(truncatingIfNeeded: word)), as: UInt64.self)
    unsafe target.storeBytes(
      of: Self.letters(UInt32(truncatingIfNeeded: word >> 32)), toByteOffset: 8, as: UInt64.self)
  }

  /// Eight hexadecimal digits, all of them at once: letters `a` to `p` for 0 to 15.
  @inline(__always)
  private static func letters(_ value: UInt32) -> UInt64 {
    var word = UInt64(value)
    word = (word | (word << 16)) & 0x0000_FFFF_0000_FFFF
    word = (word | (word << 8)) & 0x00FF_00FF_00FF_00FF
    word = (word | (word << 4)) & 0x0F0F_0F0F_0F0F_0F0F
    return word &+ 0x6161_6161_6161_6161
  }
}
