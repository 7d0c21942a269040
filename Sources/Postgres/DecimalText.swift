/// Integers of any width from decimal digits.
enum DecimalText {
  /// The number that the digits name, or nil if they are no integer or do not fit.
  ///
  /// Eighteen digits at a time are gathered in 64 bits, since 128-bit products are slow.
  static func parse<Number: FixedWidthInteger>(
    _ digits: UnsafeRawBufferPointer, as type: Number.Type
  ) -> Number? {
    var index = 0
    let negative = unsafe !digits.isEmpty && digits[0] == UInt8(ascii: "-")
    if negative { index = 1 }
    guard index < digits.count else { return nil }
    var number: Number = 0
    while index < digits.count {
      var chunk: Int64 = 0
      var scale: Int64 = 1
      let end = min(index + chunkDigits(type), digits.count)
      while index < end {
        let digit = unsafe digits[index] &- UInt8(ascii: "0")
        guard digit <= 9 else { return nil }
        chunk = chunk &* 10 &+ Int64(digit)
        scale = scale &* 10
        index += 1
      }
      guard let scale = Number(exactly: scale), let chunk = Number(exactly: chunk) else {
        return nil
      }
      let (product, overflow) = number.multipliedReportingOverflow(by: scale)
      let (next, overflow2) =
        negative
        ? product.subtractingReportingOverflow(chunk) : product.addingReportingOverflow(chunk)
      guard !overflow, !overflow2 else { return nil }
      number = next
    }
    return number
  }

  /// Digits whose power of ten fits in the type and in 64 bits.
  private static func chunkDigits<Number: FixedWidthInteger>(_ type: Number.Type) -> Int {
    switch type.bitWidth {
    case 64...: 18
    case 32...: 9
    case 16...: 4
    default: 2
    }
  }
}
