/// Sixteen bytes in the text form of a `uuid`.
struct UUIDText: CustomStringConvertible {
  /// The bytes, the first one in the lowest bits.
  let bits: UInt128

  /// Sixteen bytes, the first one in the lowest bits.
  init(bits: UInt128) { self.bits = bits }

  /// The bytes of a text such as `00112233-4455-6677-8899-aabbccddeeff`, or nil.
  init?(_ text: String) {
    let digits = text.filter { $0 != "-" }
    guard digits.count == 32, let number = UInt128(digits, radix: 16) else { return nil }
    bits = number.byteSwapped
  }

  /// Lower-case hexadecimal digits in groups of 8, 4, 4, 4 and 12.
  var description: String {
    let digits = String(bits.byteSwapped, radix: 16)
    var text = ""
    let padded = String(repeating: "0", count: 32 - digits.count) + digits
    for (index, digit) in padded.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(digit)
    }
    return text
  }
}
