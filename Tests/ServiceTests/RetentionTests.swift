import Client
import Foundation
import Metering
import Server
import Testing
import Wire

/// Old segments go only when nothing needs them, and what is left is enough.
@Suite("Retention of a running service", .serialized)
struct RetentionTests {
  private let database: ScratchDatabase
  private let lever: ClockLever
  private let service: ServiceProcess
  /// The month that the test begins in, half an hour before its end.
  private let month: BillingPeriod

  init() throws {
    database = try ScratchDatabase()
    let now = Timestamp(milliseconds: UsageSource.now())
    month = try #require(BillingPeriod(containing: now).next)
    lever = try ClockLever()
    try lever.move(to: month.end.milliseconds - 1_800_000 - now.milliseconds)
    service = ServiceProcess(
      [
        "--acceptance-back", "1h", "--acceptance-ahead", "0s", "--dedup-window", "2h",
        "--hours-close-grace", "0s", "--log-retention", "0s", "--log-segment-age", "1s",
      ], database: database)
    service.environment = try lever.environment
  }

  private func records(_ numbers: Range<Int>, tenant: String) -> [UsageRecord] {
    let time = lever.now
    return numbers.map { UsageSource.record($0, time: time, tenant: tenant) }
  }

  /// Sends new usage, and moves the clock so that the next usage begins another segment.
  private func fill(_ numbers: Range<Int>, tenant: String) throws -> [UsageRecord] {
    let records = records(numbers, tenant: tenant)
    let summary = try UsageSource.send(records, to: service.udp)
    #expect(summary.verdicts[.accepted] == UInt64(numbers.count))
    // As far as a slow correction of the clock goes, so that nobody needs to confirm it.
    try lever.move(to: lever.offset + 2_000)
    return records
  }

  /// Moves the clock to a time by an operator's word.
  private func move(to time: Int64) throws {
    try lever.move(to: time - UsageSource.now())
    try service.wait("held") { try !service.status().isReady }
    let result = try service.run(["clock", "confirm", "--yes", "--data-directory", service.data])
    #expect(result.status == 0, "\(result)")
  }

  private func finalize(_ tenant: String) throws {
    try service.flush()
    try service.wait("the close of the month is in Postgres") {
      try service.status().hours.flushedThrough ?? "" >= month.lastHour.text
    }
    let answer = try service.ask(
      ControlRequest(.finalize, period: month.text, tenant: tenant, operatorName: "test"))
    #expect(answer.finalized?.map(\.tenant) == [tenant])
    #expect(answer.finalized?.first?.refusal == nil, "\(answer)")
  }

  private var files: PartitionFiles {
    get throws { PartitionFiles(try service.layout.partition(0)) }
  }

  private var segments: [UInt64] { get throws { try files.segmentNumbers() } }

  /// Bytes of the segment files, by their numbers.
  private var sizes: [UInt64: Int] {
    get throws {
      var sizes: [UInt64: Int] = [:]
      for number in try segments {
        let path = try files.segment(number)
        sizes[number] = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      }
      return sizes
    }
  }

  @Test("segments go when every reason to keep them is gone", .timeLimit(.minutes(5)))
  func removesSegments() throws {
    try service.start()
    let acme = try fill(0..<100, tenant: "acme") + fill(100..<200, tenant: "acme")
    let globex = try fill(200..<300, tenant: "globex")
    try service.flush()
    let all = try segments
    #expect(all.count >= 3)

    // Flushed, with keys in runs; no month is finalized.
    try move(to: month.end.milliseconds + 60_000)
    _ = try fill(300..<400, tenant: "acme")
    try service.wait("the old keys are in runs") { try service.status().dedup.runs > 0 }
    try service.flush()
    #expect(try segments.starts(with: all))
    #expect(Manifest(try files).read().isEmpty)
    #expect(try service.verify().status == 0)
    let sizes = try sizes

    // Inside the dedup window; the month of globex is open.
    try finalize("acme")
    _ = try fill(400..<500, tenant: "acme")
    try service.flush()
    #expect(try goneRecords() == 200)
    let known = try UsageSource.send(acme + globex, to: service.udp)
    #expect(known.verdicts[.duplicate] == 300)

    // Outside the window.
    try move(to: month.end.milliseconds + 3 * 3_600_000)
    let young = try fill(500..<600, tenant: "acme")
    try service.flush()
    for gone in Manifest(try files).read() { #expect(gone.bytes == sizes[gone.segment]) }
    try tearManifest()
    #expect(try goneRecords() == 200)

    try finalize("globex")
    _ = try fill(600..<700, tenant: "globex")
    try service.flush()
    #expect(try goneRecords() >= 300)
    #expect(try service.status().log.segments == segments.count)

    try checkRest(acme: acme, globex: globex, young: young)
  }

  /// What a crash may leave: a segment that is entered and deleted afterwards only, and so entered
  /// once more, and half a line.
  private func tearManifest() throws {
    let path = try files.manifest
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let line = try #require(text.split(separator: "\n").last)
    try "\(text)\(line)\n\(line.prefix(20))".write(
      toFile: path, atomically: false, encoding: .utf8)
  }

  /// Records of deleted segments; checks that the manifest names exactly those.
  private func goneRecords() throws -> Int64 {
    let gone = Manifest(try files).read()
    let first = try #require(try segments.first)
    #expect(gone.map(\.segment) == Array(1..<first))
    return gone.flatMap(\.hours).reduce(0) { $0 + $1.records }
  }

  /// What deleted segments held cannot be corrected, and that is told from what never was.
  private func checkCorrections(of gone: UsageRecord) throws {
    let hour = Hour(containing: gone.time)
    func run(_ command: [String], _ hour: Hour) throws -> ServiceProcess.Result {
      try service.run(
        command + [
          "--data-directory", service.data, "--tenant", gone.tenant, "--key", gone.key.text,
          "--hour", hour.text, "--reason", "a test",
        ])
    }
    for command in [["void"], ["void", "--dry-run"], ["amend", "--quantity", "1"]] {
      let result = try run(command, hour)
      #expect(result.status == 3, "\(result)")
      #expect(result.errors.contains("key \(gone.key.text) of tenant \(gone.tenant)"))
      #expect(result.errors.contains("beyond retention"), "\(result)")
    }
    let never = try run(["void"], Hour(index: hour.index - 1_000))
    #expect(never.status == 1 && never.errors.contains("was ever accepted"), "\(never)")
    try service.flush()
    #expect(try database.totals().records == 700)
  }

  /// The rollups of deleted segments stay, and the rest of the log is enough for everything else.
  private func checkRest(
    acme: [UsageRecord], globex: [UsageRecord], young: [UsageRecord]
  ) throws {
    #expect(try database.totals().records == 700)
    let verified = try service.verify()
    #expect(verified.status == 3, "\(verified)")
    #expect(verified.output.contains("beyond retention"), "\(verified)")
    for isOrderly in [true, false] {
      if isOrderly { #expect(try service.stop() == 0) } else { service.kill() }
      try service.start()
      #expect(!service.log.contains("does not reach back"), "\(service.log)")
      #expect(try service.status().dedup.horizon != nil)
      let again = try UsageSource.send(young, to: service.udp)
      #expect(again.verdicts[.duplicate] == 100)
      var other = young
      for index in other.indices { other[index].quantity += 1 }
      #expect(try UsageSource.send(other, to: service.udp).verdicts[.conflict] == 100)
      let old = try UsageSource.send(acme + globex, to: service.udp)
      #expect(old.rejections[.timeTooOld] == 300)
      try service.flush()
      #expect(try database.totals().records == 700)
      #expect(try service.verify().status == 3)
    }
    #expect(try service.run(["segments", "check", "--data-directory", service.data]).status == 0)
    try checkCorrections(of: acme[0])
    #expect(try service.stop() == 0)
  }
}
