import Authentication
import Foundation
import Metering
import Server
import Testing
import Wire

@Suite("Keys speak for their sources alone", .serialized)
struct KeyBindingTests {
  /// Key 7 is bound to web-1 and web-2, key 8 to worker-1.
  private static let secrets: [UInt32: [UInt8]] = [7: [UInt8](0..<32), 8: [UInt8](32..<64)]

  private static func keysFile() -> String {
    let path = "\(ScratchCluster.root)/keys-\(UUID().uuidString)"
    let lines = [(UInt32(7), "web-2 web-1"), (8, "worker-1")].map { id, sources in
      let digits = (secrets[id] ?? []).map { String(format: "%02x", $0) }.joined()
      return "\(id) \(digits) \(sources)\n"
    }
    _ = FileManager.default.createFile(
      atPath: path, contents: Data(lines.joined().utf8), attributes: [.posixPermissions: 0o600])
    return path
  }

  private static func service(_ keys: String) throws -> ServiceProcess {
    ServiceProcess(
      ["--authentication-mode", "required", "--authentication-keys-file", keys],
      database: try ScratchDatabase())
  }

  /// A frame of one record or, without a number, a heartbeat.
  private static func frame(
    _ number: Int?, source: String, sequence: UInt64, key: UInt32
  ) throws -> [UInt8] {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: source, epoch: 1), keyID: KeyID(key))
    let authenticator = MessageAuthenticator(secret: secrets[key] ?? [])
    var bytes: [UInt8] = []
    if let number {
      _ = encoder.append(UsageSource.record(number))
      encoder.finish(sequence: sequence, highestSequence: sequence, to: &bytes) {
        authenticator.tag(of: $0)
      }
    } else {
      encoder.appendHeartbeat(
        highestSequence: sequence, time: Timestamp(milliseconds: UsageSource.now()), to: &bytes
      ) { authenticator.tag(of: $0) }
    }
    return bytes
  }

  @Test(
    "another source's key uses up none of a source's sequences", .timeLimit(.minutes(3)))
  func refusesForgedFrames() throws {
    let service = try Self.service(Self.keysFile())
    try service.start()
    let socket = try RawDatagrams(to: service.udp)
    // The flush that a start begins has its say in the log too.
    try service.flush()
    let position = try service.status().log.position
    // Not even the body of a forged frame is looked at, so it is not quarantined either.
    var malformed = try Self.frame(1, source: "worker-1", sequence: 2, key: 7)
    malformed[48] = 2
    let signed = malformed.dropLast(16)
    let tag = MessageAuthenticator(secret: Self.secrets[7] ?? [])
      .tag(of: RawSpan(_elements: Array(signed).span))
    malformed.replaceSubrange(
      signed.count..., with: (0..<16).map { UInt8(truncatingIfNeeded: tag >> ($0 * 8)) })
    for forged in [try Self.frame(1, source: "worker-1", sequence: 1, key: 7), malformed] {
      socket.send(forged)
      let answer = try #require(socket.receive(milliseconds: 30_000))
      let header = try FrameHeader(parsing: RawSpan(_elements: answer.span), limits: .standard)
      try #require(header.type == .refusal)
      let refusal = try Refusal(parsing: RawSpan(_elements: answer.span), header: header)
      #expect(refusal.reason == .sourceNotAllowed)
      #expect(refusal.source.name == "worker-1" && header.keyID == KeyID(7))
      #expect(!refusal.isRetryable && refusal.retryAfter == 0)
    }
    socket.send(try Self.frame(nil, source: "worker-1", sequence: 99, key: 7))
    try service.wait("counted") {
      try service.status().verdicts.refused == ["source_not_allowed": 3]
    }
    let forged = try service.status()
    #expect(forged.verdicts.batches == 0 && forged.ingest.heartbeats == 0)
    #expect(forged.log.position == position)
    socket.send(try Self.frame(2, source: "worker-1", sequence: 1, key: 8))
    let answer = try #require(socket.receive(milliseconds: 30_000))
    let header = try FrameHeader(parsing: RawSpan(_elements: answer.span), limits: .standard)
    try #require(header.type == .ack)
    let ack = try Ack(parsing: RawSpan(_elements: answer.span), header: header)
    #expect(ack.receipt == AckReceipt(counts: VerdictCounts(accepted: 1)))
    #expect(ack.header.highestSequence == 1)
    #expect(try service.status().verdicts.records["accepted"] == 1)
  }

  @Test(
    "send with another source's key stores nothing, over UDP and TCP", .timeLimit(.minutes(3)))
  func refusesSend() throws {
    let keys = Self.keysFile()
    let service = try Self.service(keys)
    try service.start()
    let lines = (0..<3).map { number in
      #"{"tenant":"a","kind":"compute","operation":"o","quantity":1,"time":"#
        + #"\#(UsageSource.now()),"key":"k\#(number)"}"# + "\n"
    }.joined()
    func send(_ key: Int, _ source: String, _ transport: String) throws -> ServiceProcess.Result {
      try service.run(
        [
          "send", "--data-directory", service.data, "--key-file", keys, "--key-id", "\(key)",
          "--source", source, "--transport", transport, "-",
        ], input: lines)
    }
    for transport in ["udp", "tcp"] {
      let refused = try send(7, "worker-1", transport)
      #expect(refused.status == 1, "\(refused)")
      #expect((refused.output + refused.errors).contains("source_not_allowed"), "\(refused)")
    }
    #expect(try service.status().verdicts.batches == 0)
    let accepted = try send(8, "worker-1", "tcp")
    #expect(accepted.status == 0, "\(accepted)")
    let other = try send(7, "web-1", "udp")
    #expect(other.status == 0, "\(other)")
    #expect(try service.status().verdicts.records["accepted"] == 3)
    #expect(try service.status().verdicts.records["duplicate"] == 3)
  }
}
