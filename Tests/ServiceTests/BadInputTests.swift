import Authentication
import Client
import Foundation
import Metering
import Postgres
import Server
import Testing
import Wire

@Suite("Bad input to the service", .serialized)
struct BadInputTests {
  private static let secret = [UInt8](0..<32)

  /// A signed or unsigned frame of one record.
  private static func frame(
    key: KeyID = .none, sequence: UInt64 = 1, source: String = "bad", secret: [UInt8] = secret,
    number: Int = 1
  ) throws -> [UInt8] {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: source, epoch: 1), keyID: key)
    _ = encoder.append(UsageSource.record(number))
    var bytes: [UInt8] = []
    let authenticator = MessageAuthenticator(secret: secret)
    encoder.finish(sequence: sequence, highestSequence: sequence, to: &bytes) {
      key == .none ? 0 : authenticator.tag(of: $0)
    }
    return bytes
  }

  @Test("frames that cannot be taken are counted and not answered", .timeLimit(.minutes(3)))
  func countsInvalidFrames() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    let socket = try RawDatagrams(to: service.udp)
    let good = try Self.frame()
    var version = good
    version[4] = 9
    var magic = good
    magic[0] = 0
    var kind = good
    kind[5] = 77
    var padding = good
    padding[good.count - 17] = 1
    let bad: [[UInt8]] = [
      [], [1], Array(good[..<40]), Array(good.dropLast()), good + [0], version, magic, kind,
      padding, [UInt8](repeating: 0xFF, count: 1_400), try Self.frame(key: KeyID(5)),
    ]
    for bytes in bad { socket.send(bytes) }
    #expect(socket.receive() == nil)
    let status = try service.status()
    let counted = status.ingest.invalidFrames.values.reduce(0, +)
    #expect(counted == UInt64(bad.count), "\(status.ingest.invalidFrames)")
    #expect(status.ingest.invalidFrames["unsupported_version"] == 1)
    #expect(status.ingest.invalidFrames["bad_magic"] == 2)
    #expect(status.ingest.invalidFrames["wrong_authentication_mode"] == 1)
    socket.send(good)
    #expect(socket.receive(milliseconds: 5_000) != nil)
  }

  @Test("a body that cannot be cut is refused for good and kept", .timeLimit(.minutes(3)))
  func refusesMalformedBody() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    let socket = try RawDatagrams(to: service.udp)
    var bytes = try Self.frame()
    // The header promises a second record.
    bytes[48] = 2
    socket.send(bytes)
    let answer = try #require(socket.receive(milliseconds: 5_000))
    let header = try FrameHeader(parsing: RawSpan(_elements: answer.span), limits: .standard)
    #expect(header.type == .refusal)
    let refusal = try Refusal(parsing: RawSpan(_elements: answer.span), header: header)
    #expect(refusal.reason == .malformedBody)
    #expect(!refusal.isRetryable)
    let list = try service.run(["quarantine", "list", "--json", "--data-directory", service.data])
    #expect(list.status == 0, "\(list)")
    #expect(list.output.contains("malformed_body"))
  }

  @Test("authentication is required, checked and answered under the key", .timeLimit(.minutes(3)))
  func authenticates() throws {
    let keys = "\(ScratchCluster.root)/keys-\(UUID().uuidString)"
    let text = Self.secret.map { String(format: "%02x", $0) }.joined()
    _ = FileManager.default.createFile(
      atPath: keys, contents: Data("7 \(text)\n".utf8),
      attributes: [.posixPermissions: 0o600])
    let service = ServiceProcess(
      ["--authentication-mode", "required", "--authentication-keys-file", keys],
      database: try ScratchDatabase())
    try service.start()
    let socket = try RawDatagrams(to: service.udp)
    socket.send(try Self.frame())
    socket.send(try Self.frame(key: KeyID(8)))
    var wrong = try Self.frame(key: KeyID(7))
    wrong[wrong.count - 1] ^= 1
    socket.send(wrong)
    #expect(socket.receive() == nil)
    let invalid = try service.status().ingest.invalidFrames
    #expect(invalid == ["wrong_authentication_mode": 1, "unknown_key": 1, "wrong_tag": 1])
    let good = try Self.frame(key: KeyID(7))
    socket.send(good)
    let first = try #require(socket.receive(milliseconds: 5_000))
    #expect(try Self.ack(first).receipt.isResent == false)
    // A replayed frame repeats its receipt and counts nothing.
    socket.send(good)
    let second = try #require(socket.receive(milliseconds: 5_000))
    #expect(try Self.ack(second).receipt.isResent)
    #expect(try service.status().verdicts.records["accepted"] == 1)
    let summary = try UsageSource.send(
      (10..<500).map { UsageSource.record($0) }, to: service.tcp, transport: .tcp,
      key: SourceKey(id: KeyID(7), secret: Self.secret))
    #expect(summary.verdicts[.accepted] == 490)
  }

  private static func ack(_ bytes: [UInt8]) throws -> Ack {
    let header = try FrameHeader(parsing: RawSpan(_elements: bytes.span), limits: .standard)
    try #require(header.type == .ack)
    let tag = MessageAuthenticator(secret: secret)
    let frame = RawSpan(_elements: bytes.span)
    let isAuthentic = tag.verify(header.tag(in: frame), of: header.authenticated(in: frame))
    #expect(isAuthentic)
    return try Ack(parsing: frame, header: header)
  }

  @Test("without authentication only loopback can be bound", .timeLimit(.minutes(1)))
  func refusesOpenBind() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    let result = try service.run([
      "serve", "--data-directory", service.data, "--ingest-udp", "0.0.0.0:0",
    ])
    #expect(result.status == 2)
    #expect(result.errors.contains("ingest.udp"), "\(result.errors)")
    #expect(result.errors.contains("loopback"), "\(result.errors)")
  }

  @Test("a data directory in use names the process", .timeLimit(.minutes(2)))
  func refusesSecondService() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    let second = try service.run(["serve", "--data-directory", service.data] + service.settings)
    #expect(second.status == 1)
    #expect(second.errors.contains("\(try service.status().process)"), "\(second.errors)")
  }

  @Test("below the disk reserve batches are told to retry later", .timeLimit(.minutes(2)))
  func keepsReserve() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    service.set("--log-disk-reserve", "4TiB")
    try service.launch()
    try service.wait("answering") { (try? service.status()) != nil }
    let status = try service.status()
    #expect(!status.isReady)
    #expect(status.concerns.contains { $0.contains("disk_reserve") })
    let socket = try RawDatagrams(to: service.udp)
    socket.send(try Self.frame())
    let answer = try #require(socket.receive(milliseconds: 5_000))
    let header = try FrameHeader(parsing: RawSpan(_elements: answer.span), limits: .standard)
    let refusal = try Refusal(parsing: RawSpan(_elements: answer.span), header: header)
    #expect(refusal.reason == .diskReserve)
    #expect(refusal.isRetryable)
    #expect(refusal.retryAfter > 0)
  }

  @Test("a write that fails stops the service, and nothing acked is lost", .timeLimit(.minutes(3)))
  func stopsWhenWriteFails() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    service.set("--log-segment-size", "2MiB")
    try service.start()
    let records = (0..<2_000).map { UsageSource.record($0) }
    _ = try UsageSource.send(records, to: service.udp)
    #expect(try service.stop() == 0)
    // From here on nothing can be written beyond the first 640 KiB of a file. The thread sanitizer
    // writes one of 512 KiB itself.
    try service.start(shell: "ulimit -f 640; trap '' XFSZ; exec")
    let load = try LoadInBackground(
      server: service.udp, firstNumber: 10_000, source: "load", patience: 10_000)
    #expect(try service.exitStatus() == 1)
    let result = load.finish()
    #expect(result.ackedRecords > 0)
    let fatal = service.log.split(separator: "\n").filter { $0.contains("FATAL: ") }
    #expect(fatal.count == 1, "\(service.log)")
    #expect(
      fatal.first?.contains("cannot write \(service.data)/partitions/00000/segments/") == true,
      "\(fatal)")
    #expect(fatal.first?.contains("File too large") == true, "\(fatal)")
    try service.start()
    let acked = (10_000..<10_000 + Int(result.ackedRecords)).map {
      UsageSource.record($0, time: LoadInBackground.time)
    }
    let again = try UsageSource.send(records + acked, to: service.udp, source: "again")
    #expect(again.verdicts[.duplicate] == UInt64(records.count + acked.count))
    try service.flush()
    #expect(try service.verify().status == 0)
  }

  @Test("a Postgres that is absent does not stop ingestion", .timeLimit(.minutes(2)))
  func startsWithoutPostgres() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    service.set("--postgres-url", "host=127.0.0.1 port=1 dbname=nothing")
    try service.start()
    let summary = try UsageSource.send(
      (0..<100).map { UsageSource.record($0) }, to: service.udp)
    #expect(summary.verdicts[.accepted] == 100)
    try service.wait("an error that names Postgres") {
      try service.status().concerns.contains { $0.contains("Postgres") }
    }
  }

  @Test("a newer schema is refused with both versions", .timeLimit(.minutes(2)))
  func refusesNewerSchema() throws {
    let database = try ScratchDatabase()
    try database.administrator().execute(
      "INSERT INTO weighbridge.schema_migrations (version, name) VALUES (99, 'future')")
    let service = ServiceProcess(database: database)
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("99"), "\(service.log)")
  }

  @Test("a read-only Postgres holds the flush and loses nothing", .timeLimit(.minutes(3)))
  func outlastsReadOnly() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    let administrator = try database.administrator()
    try administrator.execute(
      "ALTER DATABASE \(database.name) SET default_transaction_read_only = on")
    try administrator.execute(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
      """)
    _ = try UsageSource.send((0..<100).map { UsageSource.record($0) }, to: service.udp)
    try service.wait("a failing flush") { try service.status().flush.failures > 0 }
    try administrator.execute("SET default_transaction_read_only = off")
    try administrator.execute(
      "ALTER DATABASE \(database.name) RESET default_transaction_read_only")
    try administrator.execute(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
      """)
    try service.flush()
    #expect(try database.totals().records == 100)
  }

  @Test("a Postgres restored to an earlier time gets what it misses", .timeLimit(.minutes(3)))
  func followsRestoredPostgres() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    _ = try UsageSource.send((0..<100).map { UsageSource.record($0) }, to: service.udp)
    try service.flush()
    _ = try service.stop()
    let administrator = try database.administrator()
    for table in ["usage_hourly", "flush_hours", "closed_hours", "flushes", "checkpoints"] {
      try administrator.execute("DELETE FROM weighbridge.\(table)")
    }
    try service.start()
    try service.flush()
    #expect(try database.totals().records == 100)
    #expect(try service.verify().status == 0)
  }

  @Test("a second writer on the same checkpoint is stopped", .timeLimit(.minutes(3)))
  func stopsSecondWriter() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    _ = try UsageSource.send([UsageSource.record(1)], to: service.udp)
    try service.flush()
    try database.administrator().execute(
      "UPDATE weighbridge.checkpoints SET position = position + 1")
    _ = try UsageSource.send([UsageSource.record(2)], to: service.udp, source: "two")
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("another writer"), "\(service.log)")
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("position"), "\(service.log)")
  }

  @Test("a changed secret is refused", .timeLimit(.minutes(2)))
  func refusesChangedSecret() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    _ = try UsageSource.send([UsageSource.record(1)], to: service.udp)
    _ = try service.stop()
    let path = "\(service.data)/installation.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let pattern = /("secret"\s*:\s*")([0-9a-f]{2})/
    let found = try #require(text.firstMatch(of: pattern))
    let other = found.2 == "00" ? "01" : "00"
    let changed = text.replacingCharacters(in: found.range, with: "\(found.1)\(other)")
    try changed.write(toFile: path, atomically: false, encoding: .utf8)
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("secret"), "\(service.log)")
  }
}
