import Foundation
import Metering
import Postgres
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

  /// What Postgres and the log hold of periods and of gaps that were given up.
  private static func state(_ database: ScratchDatabase) throws -> Set<String> {
    let rows = try database.administrator().execute(
      """
      SELECT 'finalized ' || tenant FROM weighbridge.billing_periods WHERE state = 'finalized'
      UNION ALL SELECT concat_ws(' ', operator, reason, gaps) FROM weighbridge.gap_acceptances
      """)
    return Set((0..<rows.count).map { rows.text($0, 0) })
  }

  @Test(
    "keep a period open until they are given up, with who and why", .timeLimit(.minutes(4)))
  func keepsPeriodOpen() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    let month = try #require(
      BillingPeriod(containing: Timestamp(milliseconds: UsageSource.now())).previous)
    let socket = try RawDatagrams(to: service.udp)
    // 1 was never sent, and 5 is known to have been issued.
    for (sequence, highest) in [(2, 2), (3, 3), (4, 5)] as [(UInt64, UInt64)] {
      _ = try Self.ack(
        socket,
        of: UsageSource.frame(
          Int(sequence), sequence: sequence, highest: highest, source: "edge-7",
          time: month.end.milliseconds - 3_600_000, tenant: "acme"))
    }
    func finalize(_ more: String...) throws -> ServiceProcess.Result {
      try service.run(
        ["period", "finalize", "--period", month.text, "--data-directory", service.data]
          + service.databaseArguments + more)
    }
    let missing = "1, 5 of source edge-7, epoch 1"
    let refused = try finalize()
    #expect(refused.status == 1, "\(refused)")
    #expect(refused.output.contains("batches are missing that may hold usage of period"))
    #expect(refused.output.contains(missing) && refused.output.contains("--accept-gaps"))
    #expect(try Self.state(database).isEmpty)

    // What only says what it would do gives nothing up.
    let dry = try finalize("--dry-run", "--accept-gaps", "its disk is lost")
    #expect(dry.status == 0 && dry.output.contains("giving up \(missing)"), "\(dry)")
    #expect(dry.output.contains("from \(month.firstHour.text) to \(month.endHour.text)"))
    let json = try finalize("--dry-run", "--json", "--accept-gaps", "its disk is lost").output
    #expect(json.contains(#""is_finalized" : false"#), "\(json)")
    #expect(json.contains(#""would_be_finalized" : true"#), "\(json)")
    #expect(json.contains(#""is_dry_run" : true"#) && json.contains(missing), "\(json)")
    #expect(try finalize().status == 1)
    #expect(try Self.state(database).isEmpty)
    let empty = try finalize("--accept-gaps", "")
    #expect(empty.status == 2 && empty.errors.contains("--accept-gaps: allowed"), "\(empty)")

    let done = try finalize("--accept-gaps", "its disk is lost")
    #expect(done.status == 0 && done.output.contains("with gaps that are given up"), "\(done)")
    let name = try database.administrator().execute(
      "SELECT finalized_by FROM weighbridge.billing_periods WHERE state = 'finalized'"
    ).text(0, 0)
    #expect(
      try Self.state(database) == [
        "finalized acme",
        name
          + #" its disk is lost [{"epoch": 1, "source": "edge-7", "missing": [[1, 1], [5, 5]]}]"#,
      ])

    service.kill()
    try service.start()
    let again = try finalize("--json").output
    #expect(!again.contains("acme"), "\(again)")
    let places = ["--data-directory", service.data] + service.databaseArguments
    let list = try service.run(["period", "list"] + places)
    #expect(list.output.contains("given up"), "\(list)")
    let period = ["--period", month.text, "--tenant", "acme"]
    let show = try service.run(["period", "show"] + period + places)
    #expect(show.output.contains("by \(name), because: its disk is lost"), "\(show)")
    let certificate = try service.run(["certificate"] + period + places)
    #expect(certificate.status == 0, "\(certificate)")
    #expect(certificate.output.contains(#""reason":"its disk is lost""#), "\(certificate)")
    #expect(certificate.output.contains(#""missing":[["1","1"],["5","5"]]"#), "\(certificate)")
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }
}
