/// Rows of comma-separated values (RFC 4180, lines end with LF).
public enum CSVText {
  /// One row with its line end.
  public static func row(_ fields: [String]) -> String {
    fields.map(field).joined(separator: ",") + "\n"
  }

  /// A field, in quotation marks where it needs them.
  public static func field(_ text: String) -> String {
    let needsMarks = text.utf8.contains {
      $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n")
        || $0 == UInt8(ascii: "\r")
    }
    return needsMarks ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }
}
