import ArgumentParser
import EventLoop
import Foundation
import Server
import Wire

/// `loadgen sink`
struct Sink: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Receive frames and ack them, and do nothing else.",
    discussion: """
      The rate of receiving and acking alone, on the sockets, the decoder of headers and the \
      encoder of acks of the service. Acks are coalesced as the service does it, and say that \
      every record is accepted. Prints its addresses for UDP and TCP, and runs until its standard \
      input ends.
      """)

  func run() throws {
    guard let address = SocketAddress("127.0.0.1:0") else {
      throw CommandFailure("no loopback address")
    }
    let loop = try EventLoop()
    let encoder = AnswerEncoder(installation: InstallationID(bits: 1))
    let endpoint = try UDPEndpoint(
      on: loop, bind: address, options: UDPOptions(receiveBufferBytes: 4 << 20))
    var output: [UInt8] = []
    endpoint.startReceiving(
      onDatagram: { [unowned endpoint] bytes, peer in
        output.removeAll(keepingCapacity: true)
        guard Self.ack(bytes, with: encoder, to: &output) != nil else { return }
        let answer = output
        unsafe endpoint.queue(answer.span.bytes, to: peer)
      })
    loop.onIterationEnd { [unowned endpoint] in endpoint.flushQueued() }
    let options = StreamListener.Options(
      limits: StreamLimits(maximumInputBytes: 256 << 10, idleMilliseconds: nil))
    let listener = try StreamListener(on: loop, at: .tcp(address), options: options) { _ in
      StreamHandlers(
        onRead: { connection, bytes in
          var consumed = 0
          var output: [UInt8] = []
          while let length = Self.ack(
            bytes.extracting(droppingFirst: consumed), with: encoder, to: &output)
          { consumed += length }
          if !output.isEmpty { unsafe connection.write(output.span.bytes) }
          return consumed
        }, onEnd: { $0.finish() })
    }
    print("\(endpoint.localAddress) \(listener.localAddress)")
    fflush(nil)
    let wakeup = try loop.makeWakeup { [unowned loop] in loop.stop() }
    let waiter = Thread {
      while readLine() != nil {}
      wakeup.signal()
    }
    waiter.start()
    loop.run()
  }

  /// Acks the frame at the front and gives its length; nil if there is no whole one.
  private static func ack(
    _ bytes: RawSpan, with encoder: AnswerEncoder, to output: inout [UInt8]
  ) -> Int? {
    do throws(WireError) {
      guard let length = try FrameHeader.frameLength(peeking: bytes, limits: .standard),
        length <= bytes.byteCount
      else { return nil }
      let frame = bytes.extracting(first: length)
      let header = try FrameHeader(parsing: frame, limits: .standard)
      guard header.type == .usage else { return length }
      let counts = VerdictCounts(accepted: UInt32(header.recordCount))
      encoder.appendAck(
        AnswerHeader(answering: header, arrival: header.baseTime),
        source: header.sourceName(in: frame), receipt: AckReceipt(counts: counts),
        exceptions: Span(), missing: Span(), limit: length, to: &output
      ) { _ in 0 }
      return length
    } catch {
      return nil
    }
  }
}

/// A sink in a process of its own.
final class SinkProcess {
  private let process = Process()
  private let input = Pipe()
  private var addresses: [SocketAddress] = []

  init() throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["sink"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    addresses = line.split { $0 == " " || $0 == "\n" }.compactMap { SocketAddress(String($0)) }
    guard addresses.count == 2 else { throw CommandFailure("the sink said \(line)") }
  }

  /// Its first thread is the one that receives.
  var identifier: Int32 { process.processIdentifier }

  func address(_ transport: Transport) -> SocketAddress {
    transport == .udp ? addresses[0] : addresses[1]
  }

  func stop() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
