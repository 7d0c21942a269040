/// What is wrong with one line: which field, what was found there, and what is allowed.
public struct InputFault: Error, Sendable, Equatable, CustomStringConvertible {
  /// The field, member or column, or the part of the line.
  public let field: String
  /// What was found, shortened to 48 bytes.
  public let found: String
  /// What would have been accepted.
  public let allowed: String

  init(_ field: String, found: String, allowed: String) {
    self.field = field
    self.found = found
    self.allowed = allowed
  }

  init(_ field: String, found: Span<UInt8>, allowed: String) {
    self.init(field, found: Self.excerpt(found), allowed: allowed)
  }

  /// One sentence, such as `quantity: found 1.5, allowed is a whole number from … to …`.
  public var description: String { "\(field): found \(found), allowed is \(allowed)" }

  /// The first 48 bytes in quotation marks; what is not printable ASCII is written as `\xHH`.
  static func excerpt(_ bytes: Span<UInt8>) -> String {
    if bytes.isEmpty { return "nothing" }
    var text = "\""
    for index in 0..<min(bytes.count, 48) {
      switch bytes[index] {
      case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(bytes[index]))
      case let byte:
        let digits = String(byte, radix: 16, uppercase: true)
        text += "\\x" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return text + (bytes.count > 48 ? "…\"" : "\"")
  }
}

/// A line that gives no record. The lines after it are read all the same.
public struct InputError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The number of the line, the first one being 1; of a CSV record, its first line.
  public let line: Int
  /// What is wrong.
  public let reason: InputFault

  /// One sentence, such as `line 3: tenant: found nothing, allowed is …`.
  public var description: String { "line \(line): \(reason)" }
}

/// An input that cannot be read at all, or no further.
public enum InputFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be opened.
  case cannotOpen(path: String, reason: String)
  /// Reading failed after `offset` bytes.
  case cannotRead(path: String, offset: Int64, reason: String)
  /// The header of a CSV file does not name the columns that are needed, or others.
  case header(InputError)

  /// One sentence.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let reason): "cannot open \(path): \(reason)"
    case .cannotRead(let path, let offset, let reason):
      "cannot read \(path) after \(offset) bytes: \(reason)"
    case .header(let error): "CSV header, \(error)"
    }
  }
}
