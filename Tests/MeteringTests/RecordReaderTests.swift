import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Metering

extension LoggedRecord {
  fileprivate var source: SourceIdentity? {
    if case .batch(let source, _) = origin { source } else { nil }
  }
  fileprivate var sequence: UInt64? {
    if case .batch(_, let sequence) = origin { sequence } else { nil }
  }
}

@Suite("Single records of the log")
struct RecordReaderTests {
  /// Every record of the files, with the positions of the blocks that hold them.
  private func records(
    _ world: LedgerWorld, tenant: String? = nil,
    where isWanted: (Hour, Hour?) -> Bool = { _, _ in true }
  ) throws -> [LoggedRecord] {
    var found: [LoggedRecord] = []
    var decoder = LogDecoder()
    let block = LoggedBlock()
    let reader = RecordReader(tenant: tenant)
    for file in world.files {
      var segment = try decoder.begin(file.bytes.span.raw, number: file.number)
      while let next = try segment.next() {
        try decoder.decode(next, into: block)
        let places = block.start.position.rawValue..<block.end.position.rawValue
        reader.read(block, where: isWanted) { record in
          #expect(places.contains(record.position.rawValue))
          found.append(record)
        }
      }
    }
    return found
  }

  @Test func aReceiptAndItsRecordsTakeThePositionsBeforeTheReceiptsEnd() throws {
    let world = LedgerWorld()
    var ends: [UInt64: Range<UInt64>] = [:]
    var before = world.ledger.openEnd.rawValue
    for sequence in 1...5 as ClosedRange<UInt64> {
      let records = (0..<sequence).map { UsageRecord.test(UInt128(sequence * 100 + $0)) }
      let batch = try world.judge(
        TestBatch(
          sequence: sequence, records: records + [.test(100), .test(UInt128(sequence * 100))],
          hasInvalid: sequence.isMultiple(of: 2)))
      let end = batch.receipt.position.rawValue
      ends[sequence] = before..<end
      before = end
    }
    world.sync()
    let found = try records(world)
    #expect(found.count == 15)
    for sequence in 1...5 as ClosedRange<UInt64> {
      let positions = found.filter { $0.sequence == sequence }.map(\.position.rawValue)
      let span = try #require(ends[sequence])
      // The receipt itself has the first one.
      #expect(positions == Array(span.dropFirst()), "\(sequence)")
    }
  }

  @Test func everyFieldIsWhatWasSent() throws {
    let world = LedgerWorld()
    let text = UsageRecord(
      tenant: "caf\u{E9}", kind: .storage, operation: "op/\u{1F980}", contextType: .workspace,
      context: "w\u{301}", time: Timestamp(milliseconds: LedgerWorld.start + 1), quantity: -7,
      key: .text("cl\u{E9}"))
    let raw = UsageRecord.test(
      0xFF00_0000_0000_0000_0000_0000_0000_0001, kind: .traffic, quantity: .max)
    let other = UsageRecord(
      tenant: "acme", kind: .compute, operation: "op", contextType: .admin, context: "",
      time: Timestamp(milliseconds: LedgerWorld.start), quantity: 3, key: .text("k2"))
    let source = SourceIdentity(name: "web-1", epoch: 77)
    try world.judge([
      TestBatch(sequence: 4, records: [raw]),
      TestBatch(source: source, sequence: 9, records: [text, other]),
    ])
    world.sync()
    let found = try records(world)
    #expect(found.map(\.record) == [raw, text, other])
    #expect(found.map(\.source?.name) == ["agent-1", "web-1", "web-1"])
    #expect(found.map(\.source?.epoch) == [1, 77, 77] && found.map(\.sequence) == [4, 9, 9])
    #expect(found.allSatisfy { $0.verdict == .accepted && $0.booked.weight == 1 })
    #expect(found.allSatisfy { $0.arrival.milliseconds == LedgerWorld.start })
    let first = try #require(found.first?.position.rawValue)
    #expect(found.map(\.position.rawValue) == [first, first + 2, first + 3])
    #expect(try records(world, tenant: "caf\u{E9}").map(\.record) == [text])
    #expect(try records(world, tenant: "cafe\u{301}").isEmpty)
    #expect(try records(world, tenant: "acme").map(\.record) == [raw, other])
  }

  @Test func lateRecordsNameTheirBooking() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    world.tick(after: 3 * Hour.milliseconds)
    try world.flush(token: 1)
    try world.finalize(.january, "acme")
    try world.judge(
      TestBatch(
        sequence: 2,
        records: [
          .test(2, kind: .storage, quantity: 5), .test(3, at: world.now), .test(4, quantity: 6),
        ]))
    world.sync()
    let found = try records(world)
    let february = BillingPeriod.february.firstHour
    #expect(found.map(\.booked.bookingStart) == [nil, february, nil, february])
    #expect(found.map(\.verdict) == [.accepted, .late, .accepted, .late])
    #expect(try records(world) { $1 == february }.map(\.record.quantity) == [5, 6])
    #expect(
      found[1].sums.byteMilliseconds == 5 * Int128(february.start.milliseconds - LedgerWorld.start))
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func theSumsOfAllRecordsAreTheRows(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let world = LedgerWorld()
    for sequence in 1...30 as ClosedRange<UInt64> {
      let records = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        UsageRecord(
          tenant: "t\(Int.random(in: 0..<3, using: &random))",
          kind: UsageKind.allCases[Int.random(in: 0..<3, using: &random)], operation: "op",
          time: Timestamp(
            milliseconds: LedgerWorld.start
              + Int64.random(in: -2 * Hour.milliseconds...0, using: &random)),
          quantity: Int64.random(in: 0...1_000, using: &random),
          key: Bool.random(using: &random)
            ? .raw(UInt128(random.next() % 60)) : .text("k\(random.next() % 60)"))
      }
      try world.judge(
        TestBatch(
          sequence: sequence, records: records,
          hasInvalid: Bool.random(using: &random)))
      if Int.random(in: 0..<4, using: &random) == 0 { try world.flush(token: UInt128(sequence)) }
    }
    try world.flush(token: 1_000)
    var sums: [PostgresModel.Key: UsageSums] = [:]
    for found in try records(world) {
      let record = found.record
      let subject = UsageSubject(
        tenant: record.tenant, kind: record.kind, operation: record.operation,
        contextType: record.contextType, context: record.context)
      sums[PostgresModel.Key(subject: subject, hour: found.hour, booking: nil), default: .init()] +=
        found.sums
    }
    let rows = world.postgres.rows.sums.mapValues { row in
      var row = row
      row.digest = 0
      return row
    }
    #expect(sums == rows)
  }
}
