/// Whole numbers as the hexadecimal digits of their bytes, the lowest byte first.
enum Hexadecimal {
  /// Two digits for each byte.
  static func text<Number: FixedWidthInteger & UnsignedInteger>(of number: Number) -> String {
    stride(from: 0, to: Number.bitWidth, by: 8).map { shift in
      let byte = UInt8(truncatingIfNeeded: number >> shift)
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  /// The number of exactly that many digits, or nil.
  static func number<Number: FixedWidthInteger & UnsignedInteger>(
    _: Number.Type, of text: String
  ) -> Number? {
    let digits = text.compactMap { $0.isASCII ? $0.hexDigitValue : nil }
    guard digits.count == Number.bitWidth / 4, digits.count == text.count else { return nil }
    return stride(from: 0, to: digits.count, by: 2).reduce(0) { number, index in
      let byte = UInt8(truncatingIfNeeded: digits[index] << 4 | digits[index + 1])
      return number | Number(byte) << (index * 4)
    }
  }

  /// Two digits for each byte.
  static func text(ofBytes bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The bytes of an even number of digits, or nil.
  static func bytes(of text: String) -> [UInt8]? {
    let digits = text.unicodeScalars.compactMap { $0.isASCII ? Character($0).hexDigitValue : nil }
    guard digits.count.isMultiple(of: 2), digits.count == text.unicodeScalars.count else {
      return nil
    }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(truncatingIfNeeded: digits[$0] << 4 | digits[$0 + 1])
    }
  }
}
