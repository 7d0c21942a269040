/// An integer in the binary form of `numeric`: digits to base 10,000, the highest first.
///
/// Source: `numeric_send` and `numeric_recv` in PostgreSQL's `numeric.c`; the latter takes trailing
/// zero digits away by itself.
struct BinaryNumeric {
  /// Sign field of a negative number.
  static let negativeSign: UInt16 = 0x4000

  private var digits: InlineArray<10, Int16> = InlineArray(repeating: 0)
  /// Number of digits; 0 for zero, at most 10.
  private(set) var count = 0
  /// Power of 10,000 of the first digit.
  private(set) var weight = 0
  /// The sign field.
  let sign: UInt16

  /// The digits of a number.
  init(magnitude: UInt128, negative: Bool) {
    sign = negative ? Self.negativeSign : 0
    guard magnitude != 0 else { return }
    // Lowest digits first, four of them from each 64-bit piece: 64-bit division is quick.
    let piece: UInt128 = 10_000_000_000_000_000
    var low: InlineArray<12, Int16> = InlineArray(repeating: 0)
    var produced = 0
    var rest = magnitude
    while rest != 0 {
      var part: UInt64
      if rest < piece {
        part = UInt64(truncatingIfNeeded: rest)
        rest = 0
      } else if rest.components.high == 0 {
        let (quotient, remainder) = rest.components.low.quotientAndRemainder(
          dividingBy: UInt64(truncatingIfNeeded: piece))
        part = remainder
        rest = UInt128(quotient)
      } else {
        let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: piece)
        part = UInt64(truncatingIfNeeded: remainder)
        rest = quotient
      }
      for _ in 0..<4 {
        low[produced] = Int16(truncatingIfNeeded: part % 10_000)
        part /= 10_000
        produced += 1
      }
    }
    while low[produced - 1] == 0 { produced -= 1 }
    count = produced
    weight = produced - 1
    for index in 0..<count { digits[index] = low[produced - 1 - index] }
  }

  /// A digit, the highest first.
  func digit(_ index: Int) -> Int16 { digits[index] }
}

extension UInt128 {
  /// The two 64-bit halves.
  fileprivate var components: (high: UInt64, low: UInt64) {
    (UInt64(truncatingIfNeeded: self >> 64), UInt64(truncatingIfNeeded: self))
  }
}
