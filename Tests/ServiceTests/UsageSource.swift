import Client
import EventLoop
import Foundation
import Synchronization
import Wire

/// Records for the tests: numbered keys, quantities that can be summed.
enum UsageSource {
  static func now() -> Int64 { EventLoop.wallMilliseconds() }

  static func record(
    _ number: Int, time: Int64 = now(), kind: UsageKind = .traffic, tenant: String? = nil,
    quantity: Int64 = 1_000
  ) -> UsageRecord {
    UsageRecord(
      tenant: tenant ?? "tenant-\(number % 7)", kind: kind, operation: "GET /v1/tasks",
      contextType: .project, context: "p\(number % 3)", time: Timestamp(milliseconds: time),
      quantity: quantity, key: .raw(UInt128(number) &* 0x9E37_79B9_7F4A_7C15))
  }

  /// A frame of one record, without authentication.
  static func frame(
    _ number: Int, sequence: UInt64, highest: UInt64? = nil, source: String = "raw",
    time: Int64 = now(), tenant: String? = nil
  ) throws -> [UInt8] {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: source, epoch: 1), keyID: .none)
    _ = encoder.append(record(number, time: time, tenant: tenant))
    var bytes: [UInt8] = []
    encoder.finish(sequence: sequence, highestSequence: highest ?? sequence, to: &bytes) { _ in 0 }
    return bytes
  }

  /// Sends records and waits for their acks.
  static func send(
    _ records: [UsageRecord], to server: String, transport: SenderOptions.Transport = .udp,
    source: String = "test", epoch: UInt64 = UInt64(now()), key: SourceKey? = nil,
    timeout: Int64 = 60_000
  ) throws -> SendSummary {
    guard let address = SocketAddress(server) else {
      throw ServiceProcess.Failure(description: "no address: \(server)")
    }
    let sender = try UsageSender(
      options: SenderOptions(
        server: address, transport: transport,
        source: SourceIdentity(name: source, epoch: epoch), key: key, timeout: timeout))
    var rest = records[...]
    return try sender.send(records: { () throws(InputFailure) in rest.popFirst() })
  }
}
