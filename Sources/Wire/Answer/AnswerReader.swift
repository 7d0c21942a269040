/// Reads the body of an ack or a refusal from its start to its end.
struct AnswerReader: ~Escapable {
  private let frame: RawSpan
  private let end: Int
  private(set) var offset: Int

  @_lifetime(copy frame)
  init(_ frame: RawSpan, _ header: FrameHeader) {
    precondition(
      frame.byteCount == header.length, "BUG: only a whole frame with its own header can be read")
    self.frame = frame
    offset = header.bodyStart
    end = header.bodyEnd
  }

  @_lifetime(self: copy self)
  mutating func byte() throws(WireError) -> UInt8 {
    guard offset < end else { throw .malformedBody(offset: offset, .truncatedRecord) }
    defer { offset += 1 }
    return frame.integer(at: offset)
  }

  @_lifetime(self: copy self)
  mutating func installation() throws(WireError) -> InstallationID {
    guard end - offset >= 16 else { throw .malformedBody(offset: offset, .truncatedRecord) }
    defer { offset += 16 }
    return InstallationID(bits: frame.integer(at: offset))
  }

  /// A varint of at most this value.
  @_lifetime(self: copy self)
  mutating func varint(atMost most: UInt64) throws(WireError) -> UInt64 {
    let start = offset
    guard let value = try Varint.read(frame, at: &offset, end: end) else {
      throw .malformedBody(offset: start, .truncatedRecord)
    }
    guard value <= most else { throw .malformedBody(offset: start, .numberOutOfRange(value)) }
    return value
  }

  func finish() throws(WireError) {
    guard offset == end else {
      throw .malformedBody(offset: offset, .trailingBytes(count: end - offset))
    }
  }

  /// The source name of the frame; its characters are ASCII and were checked.
  static func sourceName(_ frame: RawSpan, _ header: FrameHeader) -> String {
    let name = header.sourceName(in: frame)
    var text = ""
    for index in name.byteOffsets {
      text.unicodeScalars.append(Unicode.Scalar(name.integer(at: index, as: UInt8.self)))
    }
    return text
  }
}
