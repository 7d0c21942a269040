internal import Wire

/// The parts of one line of a web server's access log in the `combined` format.
///
/// `host ident user [time] "request" status bytes "referer" "agent"`, and anything after a space.
/// Apache writes it as `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`; nginx has it built
/// in. A quotation mark inside a quoted part is written `\"` (Apache) or `\x22` (nginx).
struct AccessLogLine: ~Escapable {
  /// The authenticated user, `-` if there is none.
  let user: Span<UInt8>
  let time: Timestamp
  /// The request line, escapes included; empty or `-` if the client sent none.
  let request: Span<UInt8>
  /// Bytes sent; 0 for `-`.
  let bytes: Int64

  /// Cuts a line.
  @_lifetime(copy line)
  init(_ line: Span<UInt8>) throws(InputFault) {
    var cursor = Cursor(line)
    _ = try cursor.word("host")
    _ = try cursor.word("ident")
    user = try cursor.text(before: " [", called: "a space and [", "user")
    let timeText = try cursor.text(
      before: "] \"", called: "], a space and a quotation mark", "time")
    guard let time = Timestamp(accessLog: timeText) else {
      throw InputFault(
        "time", found: timeText, allowed: "a time such as 31/Jan/2026:23:59:59 +0000")
    }
    self.time = time
    request = try cursor.quoted("request")
    try cursor.space("status")
    let status = try cursor.word("status")
    guard status.count == 3, (try? FieldText.integer(status, field: "status")) != nil else {
      throw InputFault("status", found: status, allowed: "three digits")
    }
    let count = try cursor.word("bytes")
    if count.count == 1, count[0] == UInt8(ascii: "-") {
      bytes = 0
    } else {
      bytes = try FieldText.integer(count, field: "bytes")
      guard bytes >= 0 else {
        throw InputFault("bytes", found: count, allowed: "a number of bytes, or -")
      }
    }
    // What follows counts nothing, but a line that was cut short would count the wrong bytes.
    try cursor.openQuote("referer")
    _ = try cursor.quoted("referer")
    try cursor.space("agent")
    try cursor.openQuote("agent")
    _ = try cursor.quoted("agent")
    if !cursor.isAtEnd { try cursor.space("text after the agent") }
  }
}

extension AccessLogLine {
  private struct Cursor: ~Escapable {
    private let line: Span<UInt8>
    private var offset = 0

    @_lifetime(copy line)
    init(_ line: Span<UInt8>) { self.line = line }

    var isAtEnd: Bool { offset == line.count }

    /// The text up to the next space, which is passed.
    @_lifetime(copy self)
    mutating func word(_ field: String) throws(InputFault) -> Span<UInt8> {
      try text(before: " ", called: "a space", field)
    }

    /// The text up to the next `end`, which is passed; `name` is for people. The text is not empty.
    @_lifetime(copy self)
    mutating func text(
      before end: StaticString, called name: String, _ field: String
    ) throws(InputFault)
      -> Span<UInt8>
    {
      let start = offset
      while offset + end.utf8CodeUnitCount <= line.count {
        if line.starts(with: end, at: offset) {
          let text = line.extracting(start..<offset)
          offset += end.utf8CodeUnitCount
          if text.isEmpty { break }
          return text
        }
        offset += 1
      }
      throw InputFault(
        field, found: line.extracting(start..<line.count), allowed: "text that ends with \(name)")
    }

    /// The text up to the next quotation mark without a backslash, which is passed.
    @_lifetime(copy self)
    mutating func quoted(_ field: String) throws(InputFault) -> Span<UInt8> {
      let start = offset
      while offset < line.count {
        switch line[offset] {
        case UInt8(ascii: "\""):
          offset += 1
          return line.extracting(start..<(offset - 1))
        case UInt8(ascii: "\\"): offset = min(offset + 2, line.count)
        default: offset += 1
        }
      }
      throw InputFault(
        field, found: line.extracting(start..<line.count),
        allowed: "text that ends with a quotation mark")
    }

    mutating func space(_ field: String) throws(InputFault) { try pass(" ", field, "a space") }

    mutating func openQuote(_ field: String) throws(InputFault) {
      try pass("\"", field, "text in quotation marks")
    }

    private mutating func pass(
      _ text: StaticString, _ field: String, _ allowed: String
    )
      throws(InputFault)
    {
      guard line.starts(with: text, at: offset) else {
        throw InputFault(field, found: line.extracting(offset..<line.count), allowed: allowed)
      }
      offset += text.utf8CodeUnitCount
    }
  }
}
