extension RecordKey {
  /// The key as people write it: text as it is, 16 raw bytes as `0x` and 32 hexadecimal digits, the
  /// first byte first.
  public var text: String {
    switch self {
    case .text(let text): return text
    case .raw(let bits):
      let digits = Array("0123456789abcdef")
      return stride(from: 0, to: 128, by: 8).reduce(into: "0x") { text, shift in
        let byte = Int(truncatingIfNeeded: bits >> UInt128(shift)) & 0xFF
        text.append(digits[byte >> 4])
        text.append(digits[byte & 15])
      }
    }
  }

  /// The keys that a text may mean: the raw bytes, if it is written like that, and the text itself
  /// if it is one that a record may have.
  public static func meant(by text: String) -> [RecordKey] {
    var keys: [RecordKey] = []
    let digits = text.dropFirst(2).compactMap { $0.isASCII ? $0.hexDigitValue : nil }
    if text.hasPrefix("0x"), text.utf8.count == 34, digits.count == 32 {
      let bits = digits.enumerated().reduce(UInt128(0)) { bits, digit in
        bits | UInt128(digit.element)
          << UInt128(digit.offset / 2 * 8 + (digit.offset.isMultiple(of: 2) ? 4 : 0))
      }
      keys.append(.raw(bits))
    }
    if (1...WireLimits.maximumTextLength).contains(text.utf8.count) { keys.append(.text(text)) }
    return keys
  }
}
