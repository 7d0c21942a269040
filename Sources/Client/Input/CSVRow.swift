/// The fields of one CSV record (RFC 4180), which may span lines if a quoted field holds line ends.
///
/// Memory is kept from row to row.
struct CSVRow {
  /// The bytes of all fields, quotes and their doubling removed.
  private var bytes: [UInt8] = []
  /// Where each field ends in `bytes`.
  private var ends: [Int] = []
  private var state = State.fieldStart

  private enum State {
    /// Before the first byte of a field.
    case fieldStart
    /// In a field without quotes.
    case plain
    /// Between the quotes of a field; lines may end here.
    case quoted
    /// After a quote in a quoted field: its end, or the first half of a doubled quote.
    case quoteInQuoted
  }

  /// The number of fields.
  var count: Int { ends.count }

  /// The number of bytes in all fields.
  var byteCount: Int { bytes.count }

  /// Whether a quoted field goes on in the next line.
  var isOpen: Bool { state == .quoted }

  /// The bytes of a field.
  subscript(field: Int) -> Span<UInt8> {
    @_lifetime(borrow self) get {
      bytes.span.extracting((field == 0 ? 0 : ends[field - 1])..<ends[field])
    }
  }

  /// Forgets the row that was read.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    state = .fieldStart
  }

  /// Goes on with the next line of the record; a line end inside quotes is read as LF.
  mutating func append(line: Span<UInt8>) throws(InputFault) {
    if isOpen { bytes.append(UInt8(ascii: "\n")) }
    for index in line.indices {
      let byte = line[index]
      switch (state, byte) {
      case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
      case (.fieldStart, UInt8(ascii: ",")), (.plain, UInt8(ascii: ",")),
        (.quoteInQuoted, UInt8(ascii: ",")):
        ends.append(bytes.count)
        state = .fieldStart
      case (.plain, UInt8(ascii: "\"")):
        throw InputFault(
          "field \(count + 1)", found: "a quotation mark in a field without quotation marks",
          allowed: "the field in quotation marks, with those inside it doubled")
      case (.fieldStart, _), (.plain, _):
        bytes.append(byte)
        state = .plain
      case (.quoted, UInt8(ascii: "\"")): state = .quoteInQuoted
      case (.quoted, _): bytes.append(byte)
      case (.quoteInQuoted, UInt8(ascii: "\"")):
        bytes.append(byte)
        state = .quoted
      case (.quoteInQuoted, _):
        throw InputFault(
          "field \(count + 1)", found: "text after the closing quotation mark",
          allowed: "a comma or the end of the line")
      }
    }
    if !isOpen { ends.append(bytes.count) }
  }
}
