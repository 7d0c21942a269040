import Foundation
import Server
import Testing
import Wire

@Suite("Gaps in a source's numbering", .serialized)
struct GapTests {
  private static func ack(_ socket: RawDatagrams, of frame: [UInt8]) throws -> Ack {
    socket.send(frame)
    let answer = try #require(socket.receive(milliseconds: 30_000))
    let header = try FrameHeader(parsing: RawSpan(_elements: answer.span), limits: .standard)
    try #require(header.type == .ack)
    return try Ack(parsing: RawSpan(_elements: answer.span), header: header)
  }

  private static func gaps(_ service: ServiceProcess) throws -> [String] {
    try service.status().sources.gaps.map {
      "\($0.source) \($0.epoch): \($0.missing), \($0.first)...\($0.through)"
    }
  }

  @Test(
    "are named by acks and by status, over a restart, until they are closed",
    .timeLimit(.minutes(3)))
  func namesGaps() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    var socket = try RawDatagrams(to: service.udp)
    let ack = try Self.ack(socket, of: UsageSource.frame(5, sequence: 5, highest: 9))
    #expect(ack.missing == [1...4, 6...9])
    #expect(ack.header.highestSequence == 9)
    #expect(try Self.gaps(service) == ["raw 1: 8, 1...4"])
    #expect(try service.stop() == 0)
    try service.start()
    #expect(try Self.gaps(service) == ["raw 1: 8, 1...4"])
    let sources = try service.status().sources
    #expect(sources.withGaps == 1 && sources.known == 1)
    let text = try service.run(["status", "--data-directory", service.data])
    #expect(
      text.output.contains("raw, epoch 1: 8 batches not received, first 1 to 4\n"), "\(text)")
    let json = try service.run(["status", "--json", "--data-directory", service.data])
    #expect(json.output.contains("\"with_gaps\""), "\(json)")
    socket = try RawDatagrams(to: service.udp)
    for sequence: UInt64 in [1, 2, 3, 4, 6, 7, 8] {
      let ack = try Self.ack(
        socket, of: UsageSource.frame(Int(sequence), sequence: sequence))
      #expect(ack.missing.last?.upperBound == 9)
    }
    let last = try Self.ack(socket, of: UsageSource.frame(9, sequence: 9))
    #expect(last.missing.isEmpty && last.header.highestSequence == 9)
    #expect(try Self.gaps(service).isEmpty)
    #expect(try service.status().sources.withGaps == 0)
  }
}
