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

/// A blocking UDP socket for frames that no sender would make.
final class RawDatagrams {
  private let descriptor: Int32

  init(to server: String) throws {
    let parts = server.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1]) else {
      throw ServiceProcess.Failure(description: "no IPv4 address: \(server)")
    }
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    unsafe inet_pton(AF_INET, String(parts[0]), &address.sin_addr)
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw ServiceProcess.Failure(description: "connect: \(errno)") }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) {
    _ = unsafe Foundation.send(descriptor, bytes, bytes.count, 0)
  }

  /// The next datagram, nil if none comes in time.
  func receive(milliseconds: Int = 300) -> [UInt8]? {
    var limit = timeval(tv_sec: milliseconds / 1_000, tv_usec: (milliseconds % 1_000) * 1_000)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer[..<count])
  }
}
