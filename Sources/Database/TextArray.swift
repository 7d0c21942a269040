/// A list as the text of a Postgres array.
enum TextArray {
  /// Numbers, such as `{1,2}`.
  static func text(_ hours: [some BinaryInteger]) -> String {
    "{\(hours.map { "\($0)" }.joined(separator: ","))}"
  }

  /// Texts, each in quotes.
  static func text(_ texts: [String]) -> String {
    var bytes: [UInt8] = [UInt8(ascii: "{")]
    for text in texts {
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(UInt8(ascii: "\""))
      for byte in text.utf8 {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
          bytes.append(UInt8(ascii: "\\"))
        }
        bytes.append(byte)
      }
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(UInt8(ascii: "}"))
    return String(decoding: bytes, as: UTF8.self)
  }
}
