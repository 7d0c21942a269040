import Testing
import Wire

/// Answers that contradict themselves.
struct AnswerDecodingTests {
  func error(_ type: UInt8, _ body: [UInt8], received: UInt16 = 3) -> WireError? {
    var frame = RawFrame(
      type: type, highestSequence: 10, recordCount: type == 4 ? received : 0, tenantCount: 0,
      operationCount: 0, paddedTo: 0)
    frame.body = [UInt8](repeating: 0xA0, count: 16) + body
    let bytes = frame.bytes
    do throws(WireError) {
      let header = try FrameHeader(parsing: bytes.raw, limits: .standard)
      if type == 4 {
        _ = try Ack(parsing: bytes.raw, header: header)
      } else {
        _ = try Refusal(parsing: bytes.raw, header: header)
      }
      return nil
    } catch {
      return error
    }
  }

  /// Where the body of an answer goes on behind the installation.
  static let start = 64 + 7 + 16

  static let acks: [([UInt8], Int, BodyFault?)] = [
    ([0, 3, 0, 0, 0, 0, 0, 0], 0, nil),
    ([2, 1, 1, 1, 0, 0, 0, 0], 0, nil),
    ([3, 0, 0, 0, 0, 0, 0, 0], 0, nil),
    ([1, 0, 0, 0, 0, 0, 0, 0], 6, .countsDisagree),
    ([2, 1, 0, 0, 0, 0, 0, 0], 6, .countsDisagree),
    ([0, 0, 1, 1, 1, 0, 3, 0, 1, 1, 0, 1, 2, 0, 1, 3, 0], 0, nil),
    ([0, 2, 0, 0, 0, 1, 1, 1, 1, 255, 0], 0, nil),
    ([4, 3, 0, 0, 0, 0, 0, 0], 0, .unknownCode(4)),
    ([0, 4, 0, 0, 0, 0, 0, 0], 1, .numberOutOfRange(4)),
    ([0, 2, 0, 0, 0, 0, 0, 0], 6, .countsDisagree),
    ([0, 2, 1, 0, 0, 0, 0, 0], 6, .countsDisagree),
    ([2, 2, 1, 0, 0, 0, 1, 0, 1, 1, 0], 6, .countsDisagree),
    ([0, 2, 1, 0, 0, 0, 1, 0, 1, 2, 0], 6, .countsDisagree),
    ([0, 2, 1, 0, 0, 0, 4, 0], 6, .numberOutOfRange(4)),
    ([0, 2, 1, 0, 0, 0, 1, 4, 1, 1, 0], 7, .numberOutOfRange(4)),
    ([0, 2, 1, 0, 0, 0, 1, 3, 1, 1, 0], 8, .numberOutOfRange(1)),
    ([0, 2, 1, 0, 0, 0, 1, 0, 0, 1, 0], 8, .numberOutOfRange(0)),
    ([0, 2, 1, 0, 0, 0, 1, 0, 1, 0, 0], 9, .unknownCode(0)),
    ([0, 2, 1, 0, 0, 0, 1, 0, 1, 4, 0], 9, .unknownCode(4)),
    ([0, 2, 1, 0, 0, 0, 1, 0, 1, 16, 0], 9, .unknownCode(16)),
    ([0, 3, 0, 0, 0, 0, 0, 17], 7, .numberOutOfRange(17)),
    ([0, 3, 0, 0, 0, 0, 0, 1, 10, 0], 8, .numberOutOfRange(10)),
    ([0, 3, 0, 0, 0, 0, 0, 1, 9, 1], 9, .numberOutOfRange(1)),
    ([0, 3, 0, 0, 0, 0, 0, 2, 9, 0, 0, 0], 10, .numberOutOfRange(10)),
    ([0, 3, 0, 0, 0, 0, 0, 0, 0], 8, .trailingBytes(count: 1)),
    ([0, 3, 0, 0, 0, 0, 0], 7, .truncatedRecord),
    ([], 0, .truncatedRecord),
  ]

  @Test(arguments: acks)
  func ack(body: [UInt8], offset: Int, fault: BodyFault?) {
    #expect(
      error(4, body) == fault.map { .malformedBody(offset: Self.start + offset, $0) })
  }

  static let refusals: [([UInt8], Int, BodyFault?)] = [
    ([16, 0], 0, nil),
    ([200, 0], 0, nil),
    ([1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], 0, nil),
    ([1, 0x80, 0x80, 0x80, 0x80, 0x10], 1, .numberOutOfRange(1 << 32)),
    ([0, 0], 0, .unknownCode(0)),
    ([16], 1, .truncatedRecord),
    ([16, 0, 0], 2, .trailingBytes(count: 1)),
    ([], 0, .truncatedRecord),
  ]

  @Test(arguments: refusals)
  func refusal(body: [UInt8], offset: Int, fault: BodyFault?) {
    #expect(
      error(5, body) == fault.map { .malformedBody(offset: Self.start + offset, $0) })
  }
}
