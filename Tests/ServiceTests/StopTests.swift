import Client
import Foundation
import Postgres
import Server
import Testing
import Wire

@Suite("Signals that stop the service", .serialized)
struct StopTests {
  @Test("one during the start leaves no private Postgres behind", .timeLimit(.minutes(5)))
  func stopsWithItsPostgres() throws {
    let service = ServiceProcess(database: nil)
    try service.launch()
    try service.wait("making its Postgres") {
      FileManager.default.fileExists(atPath: "\(service.data)/postgres")
    }
    service.signal(SIGINT)
    #expect(try service.exitStatus(seconds: 180) == 0, "\(service.log)")
    #expect(service.privatePostgres == nil)
    #expect(service.log.contains("stopped"), "\(service.log)")
  }

  @Test("one during the recovery ends it before the service is ready", .timeLimit(.minutes(3)))
  func endsRecovery() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    _ = try UsageSource.send([UsageSource.record(1)], to: service.udp)
    #expect(try service.stop() == 0)

    // The start waits for a Postgres that does not answer, and goes on without it.
    var silent: SilentListener? = try SilentListener()
    let port = try #require(silent?.port)
    service.set("--postgres-url", "host=127.0.0.1 port=\(port) user=none")
    try service.launch()
    try service.wait("asking for its checkpoint") { silent?.hasConnection }
    service.signal(SIGTERM)
    silent = nil
    #expect(try service.exitStatus() == 0, "\(service.log)")
    #expect(service.log.contains("stopped before it was ready"), "\(service.log)")
    #expect(!service.log.contains(" ready "), "\(service.log)")
  }

  @Test("a second one leaves at once, and the next start recovers", .timeLimit(.minutes(5)))
  func leavesAtOnce() throws {
    let service = ServiceProcess(database: nil)
    service.set("--shutdown-limit", "10m")
    try service.start()
    let blocker = try #require(service.privatePostgres).administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly IN ACCESS EXCLUSIVE MODE")
    let sent = try UsageSource.send((0..<100).map { UsageSource.record($0) }, to: service.udp)
    #expect(sent.verdicts[.accepted] == 100)
    service.signal(SIGTERM)
    try service.wait("stopping") { service.log.contains("stopping") }
    service.signal(SIGTERM)
    #expect(try service.exitStatus() == 1, "\(service.log)")
    #expect(service.log.contains("stopped at once"), "\(service.log)")
    let end = Date(timeIntervalSinceNow: 120)
    while service.privatePostgres != nil, Date() < end { usleep(20_000) }
    #expect(service.privatePostgres == nil)

    try service.start()
    try service.flush()
    let rollups = try service.run(["rollups", "--data-directory", service.data])
    #expect(rollups.output.contains("GET /v1/tasks"), "\(rollups)")
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
    #expect(service.privatePostgres == nil)
  }
}

/// A TCP port of the loopback on which nobody answers.
private final class SilentListener {
  private let descriptor: Int32
  let port: UInt16

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    self.descriptor = descriptor
    port = UInt16(bigEndian: address.sin_port)
    guard isBound else { throw ServiceProcess.Failure(description: "no port: \(errno)") }
  }

  deinit { close(descriptor) }

  /// Whether somebody has connected, whom nobody accepts.
  var hasConnection: Bool {
    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&ready, 1, 0) == 1
  }
}
