import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Server

/// The commands of an audit as they are typed, beside a service that runs and flushes.
@Suite("Commands of an audit")
struct AuditCommandTests {
  private let database: ScratchDatabase
  private let service: ServiceProcess
  private let month: BillingPeriod

  init() throws {
    database = try ScratchDatabase()
    // The last month may be finalized as soon as it has ended.
    service = ServiceProcess(["--hours-close-grace", "0s"], database: database)
    let now = Timestamp(milliseconds: UsageSource.now())
    month = try #require(BillingPeriod(containing: now).previous)
  }

  /// Where the service and its Postgres are.
  private var place: [String] { ["--data-directory", service.data] + service.databaseArguments }
  private var period: [String] { ["--period", month.text] }
  private var folder: String { service.data + "-out" }

  private func run(_ words: [String]) throws -> ServiceProcess.Result { try service.run(words) }

  /// Sends usage of the last hour of the month, finalizes it, and sends some more.
  private func prepare() throws {
    try service.start()
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    let kinds: [UsageKind] = [.traffic, .compute, .storage]
    let records = (0..<1_000).map { number in
      UsageSource.record(
        number, time: month.end.milliseconds - 1 - Int64(number), kind: kinds[number % 3],
        tenant: "acme", quantity: Int64(number))
    }
    _ = try UsageSource.send(records, to: service.udp)
    try service.flush()
    let answer = try service.ask(
      ControlRequest(.finalize, period: month.text, tenant: "acme", operatorName: "olga"))
    #expect(answer.finalized?.first?.refusal == nil, "\(answer)")
    _ = try UsageSource.send(
      [UsageSource.record(5_000, time: month.end.milliseconds - 9, tenant: "acme")],
      to: service.udp)
    try service.flush()
  }

  /// Changes the last byte that was written to the only segment, and changes it back.
  private func damageTheEndOfTheLog(_ body: () throws -> Void) throws {
    let path = try PartitionFiles(service.layout.partition(0)).segment(1)
    let file = try #require(FileHandle(forUpdatingAtPath: path))
    let bytes = try #require(try file.readToEnd())
    let last = try #require(bytes.lastIndex { $0 != 0 })
    func write(_ byte: UInt8) throws {
      try file.seek(toOffset: UInt64(last))
      try file.write(contentsOf: Data([byte]))
    }
    try write(bytes[last] ^ 0x40)
    try body()
    try write(bytes[last])
  }

  @Test("certificate key, certificate and certificate check", .timeLimit(.minutes(3)))
  func certificates() throws {
    try prepare()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let shown = try run(["certificate", "key", "--data-directory", service.data])
    let key = String(shown.output.prefix { $0 != "\n" })
    #expect(shown.status == 0 && key.hasPrefix("ed25519:") && shown.output.contains("\nsha256:"))
    let json = try run(["certificate", "key", "--json", "--data-directory", service.data])
    #expect(json.output.contains("\"public_key\" : \"\(key)\""), "\(json)")

    let file = "\(folder)/certificate.json"
    let make = ["certificate"] + period + ["--tenant", "acme"] + place
    let made = try run(make + ["--output", file])
    #expect(made.status == 0 && made.output.hasSuffix("written to \(file)\n"), "\(made)")
    let printed = try run(make)
    #expect(try printed.output == String(contentsOfFile: file, encoding: .utf8))

    let check = ["certificate", "check", file, "--public-key"]
    let offline = try run(check + [key])
    #expect(offline.status == 0 && offline.output.hasSuffix("\nvalid\n"), "\(offline)")
    let whole = try run(check + [key] + place)
    #expect(whole.status == 0 && whole.output.hasSuffix("\nequal\n"), "\(whole)")
    #expect(try run(check + [key + "0"]).status == 2)
    let other = key.dropLast() + (key.hasSuffix("0") ? "1" : "0")
    #expect(try run(check + [String(other)]).status != 0)

    // The segment that it names goes on; what is certified of it stays.
    _ = try UsageSource.send(
      [UsageSource.record(6_000, time: month.end.milliseconds - 9, tenant: "acme")],
      to: service.udp)
    try service.flush()
    #expect(try run(make).output == printed.output)
    #expect(try run(check + [key] + place).status == 0)
    try damageTheEndOfTheLog {
      let damaged = try run(check + [key] + place)
      #expect(damaged.status == 1 && damaged.output.contains("differs: segment 1: "), "\(damaged)")
    }
    try database.tamper(
      "UPDATE weighbridge.usage_hourly SET quantity = quantity + 1 WHERE kind = 'storage'")
    let changed = try run(check + [key] + place)
    #expect(changed.status == 1 && changed.output.contains("differs: usage_hourly (acme, "))
    let refused = try run(make)
    #expect(refused.status == 1 && refused.errors.contains("is not certified"), "\(refused)")
    let unknown = try run(["certificate"] + period + ["--tenant", "nobody"] + place)
    #expect(unknown.status == 1 && unknown.errors.contains("there is no tenant nobody"))
    #expect(try service.stop() == 0)
  }

  @Test("verify --period while the service takes usage and flushes", .timeLimit(.minutes(3)))
  func verifiesUnderLoad() throws {
    try prepare()
    _ = try UsageSource.send(
      (9_000..<9_007).map { UsageSource.record($0, time: LoadInBackground.time) }, to: service.udp)
    try service.flush()
    let load = try LoadInBackground(server: service.udp, firstNumber: 10_000, source: "load")
    let open = BillingPeriod(containing: Timestamp(milliseconds: LoadInBackground.time))
    for _ in 0..<5 {
      let one = try run(["verify", "--period", open.text, "--tenant", "tenant-3"] + place)
      #expect(one.status == 0, "\(one)")
      let all = try run(["verify", "--period", open.text] + place)
      #expect(all.status == 0, "\(all)")
    }
    #expect(load.finish().ackedRecords > 0)
    let fixed = try run(["verify"] + period + ["--tenant", "acme", "--json"] + place)
    #expect(fixed.status == 0 && fixed.output.contains("\"outcome\" : \"equal\""), "\(fixed)")
    let flush = try database.administrator().execute(
      "SELECT max(flush_id) FROM weighbridge.flushes"
    ).text(0, 0)
    let past = try run(["verify"] + period + ["--tenant", "acme", "--as-of", flush] + place)
    #expect(past.status == 0 && past.output.hasSuffix("\nequal\n"), "\(past)")
    #expect(past.output.contains("totals.usage.traffic.records"))
    let tenant = try run(["verify", "--tenant", "acme"] + place)
    #expect(tenant.status == 0 && tenant.output.hasSuffix("equal\n"), "\(tenant)")
    #expect(try run(["verify", "--tenant", "nobody"] + place).status == 1)
    #expect(try run(["verify", "--tenant", "acme", "--as-of", flush] + place).status == 2)
    #expect(try run(["verify"] + period + ["--as-of", "yesterday"] + place).status == 2)
    #expect(try run(["verify"] + period + ["--as-of", "1000000"] + place).status == 1)
    #expect(try service.stop() == 0)
  }

  @Test("export to files, pipes and full disks", .timeLimit(.minutes(3)))
  func exports() throws {
    try prepare()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let records = ["export", "records"] + period + ["--tenant", "acme"] + place
    let plain = try run(records + ["--format", "ndjson"])
    #expect(
      plain.status == 0 && plain.output.split(separator: "\n").count == 1_000, "\(plain.errors)")
    for (compression, program) in [("gzip", "gzip"), ("zstd", "zstd")] {
      let file = "\(folder)/records.\(compression)"
      let options = ["--format", "ndjson", "--compress", compression]
      let made = try run(records + options + ["--output", file])
      #expect(made.status == 0, "\(made)")
      let read = try Shell.run([program, "-dc", file])
      #expect(read.status == 0 && read.text == plain.output, "\(compression)")
      let size = try FileStatus(of: file).size
      let dry = try run(records + options + ["--dry-run"])
      #expect(dry.output.hasPrefix("would write 1,000 rows, "), "\(dry)")
      #expect(dry.output.replacing(",", with: "").contains(" \(size) bytes"), "\(dry) \(size)")
    }
    let csv = try run(["export", "rollups"] + period + place)
    #expect(csv.status == 0 && csv.output.hasPrefix("tenant,hour,kind,"), "\(csv)")
    let late = try run(
      ["export", "adjustments", "--period", try #require(month.next).text, "--tenant", "acme"]
        + place)
    #expect(late.output.split(separator: "\n").count == 2, "\(late)")

    let command = ([ServiceProcess.program] + records).map { "'\($0)'" }.joined(separator: " ")
    let full = try Shell.run(["bash", "-c", "\(command) > /dev/full"])
    #expect(full.status == 1 && full.text.contains("No space left on device"), "\(full)")
    // The signal has its default effect, as in a shell, whoever runs the tests.
    let closed = try Shell.run([
      "env", "--default-signal=PIPE", "bash", "-c",
      "(\(command) 2>&1 1>&3 3>&-) 3> >(true); echo $?",
    ])
    #expect(closed.text.contains("nobody reads standard output any more"), "\(closed)")
    #expect(closed.text.hasSuffix("1\n"), "\(closed)")
    #expect(try run(["export", "records"] + period + place).status == 2)
    #expect(try run(["export", "everything"] + period + place).status == 2)
    let unknown = try run(["export", "rollups"] + period + ["--tenant", "nobody"] + place)
    #expect(unknown.status == 1 && unknown.errors.contains("there is no period"), "\(unknown)")
    #expect(try service.stop() == 0)
  }

  @Test("certificates, verify and export with several partitions", .timeLimit(.minutes(3)))
  func severalPartitions() throws {
    service.set("--ingest-partitions", "3")
    try service.start()
    let records = (0..<700).map { number in
      UsageSource.record(number, time: month.end.milliseconds - 1 - Int64(number))
    }
    _ = try UsageSource.send(records, to: service.udp)
    try service.flush()
    let answer = try service.ask(
      ControlRequest(.finalize, period: month.text, operatorName: "olga"))
    #expect(
      answer.finalized?.count == 7 && answer.finalized?.allSatisfy { $0.refusal == nil } == true)
    try service.flush()
    let key = try CertificateKey(of: service.layout).publicKey
    var partitions: Set<UInt16> = []
    for number in 0..<7 {
      let tenant = ["--tenant", "tenant-\(number)"]
      let file = "\(service.data)/certificate-\(number)"
      let made = try run(["certificate"] + period + tenant + place + ["--output", file])
      #expect(made.status == 0, "\(made)")
      partitions.insert(try CertificateFile.read(file, publicKey: key).partition)
      let check = try run(["certificate", "check", file, "--public-key", key] + place)
      #expect(check.status == 0, "\(check)")
      let exported = try run(
        ["export", "records", "--format", "ndjson"] + period + tenant + place)
      #expect(exported.output.split(separator: "\n").count == 100, "\(exported.errors)")
      #expect(try run(["verify"] + period + tenant + place).status == 0)
    }
    #expect(partitions.count > 1)
    #expect(try run(["verify"] + period + place).status == 0)
    let flush = try database.administrator().execute(
      "SELECT max(flush_id) FROM weighbridge.flushes"
    ).text(0, 0)
    let past = try run(["verify"] + period + ["--as-of", flush, "--json"] + place)
    #expect(
      past.status == 0 && past.output.matches(of: /"outcome" : "equal"/).count == 7, "\(past)")
    #expect(try service.stop() == 0)
  }
}
