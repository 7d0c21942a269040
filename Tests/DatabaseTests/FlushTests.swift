import Metering
import Postgres
import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Database

@Suite("Flush")
struct FlushTests {
  private func usage(_ database: RollupDatabase) throws -> [UsageRow] {
    var rows: [UsageRow] = []
    try database.snapshot { try $0.usage { rows.append($0) } }
    return rows
  }

  @Test("increments add up, in every column, across months and in any order")
  func additive() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    let hours = [
      Months.january.firstHour, Months.january.lastHour, Months.february.firstHour,
      Months.march.firstHour, BillingPeriod.earliest.firstHour, BillingPeriod.latest.lastHour,
    ]
    var expected: [String: UsageSums] = [:]
    var random = SplitMix64(seed: 11)
    for _ in 0..<3 {
      var rollups: [RollupIncrement] = []
      for tenant in ["ä\"'\\\t", "a", "B"] {
        for hour in hours {
          for kind in UsageKind.allCases {
            var entry = increment(tenant, hour, kind: kind, context: "c☃")
            entry.sums.quantity = Int128(truncatingIfNeeded: random.next()) &* 0x1234_5678_9ABC
            entry.sums.weighted = -(Int128(random.next()) << 60)
            entry.sums.byteMilliseconds = Int128(Int64(bitPattern: random.next()))
            entry.sums.digest = UInt128(random.next()) << 62 | UInt128(random.next())
            rollups.append(entry)
            expected["\(tenant) \(hour.index) \(kind)", default: UsageSums()] += entry.sums
          }
        }
      }
      _ = try database.flush(maker.next(rollups: rollups.shuffled(using: &random)))
    }
    let rows = try usage(database)
    #expect(rows.count == expected.count)
    for row in rows {
      #expect(
        row.sums == expected["\(row.subject.tenant) \(row.hour.index) \(row.subject.kind)"])
      #expect(row.subject.context == "c☃" && row.subject.contextType == .project)
      #expect(row.flush == 3)
    }
    let keys = rows.map { ($0.subject.tenant, $0.hour, $0.subject.kind.name) }
    #expect(zip(keys, keys.dropFirst()).allSatisfy { bytewise($0.0, $1.0) })
    #expect(keys.map(\.1).contains(BillingPeriod.latest.lastHour))
  }

  /// Whether the left tenant's bytes come first or are the same.
  private func bytewise(_ left: String, _ right: String) -> Bool {
    !right.utf8.lexicographicallyPrecedes(left.utf8)
  }

  @Test("a flush without rows moves the checkpoint and gets its own id")
  func withoutRows() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    #expect(try database.checkpoint(partition: 0) == nil)
    var maker = BatchMaker()
    let first = maker.next()
    #expect(try database.flush(first) == .committed(flush: 1))
    let second = maker.next()
    #expect(try database.flush(second) == .committed(flush: 2))
    #expect(
      try database.checkpoint(partition: 0)
        == StoredCheckpoint(
          installation: maker.installation, partition: 0, place: second.to, token: second.token,
          flush: 2))
    let log = try scratch.administrator().execute(
      "SELECT flush_id, from_position, to_position, records FROM weighbridge.flushes ORDER BY 1")
    #expect((0..<2).map { log.text($0, 2) } == ["10", "20"])
  }

  @Test("the same batch again is known by its token and counts once")
  func alreadyCommitted() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    let batch = maker.next(rollups: [increment("a", Months.january.firstHour)])
    #expect(try database.flush(batch) == .committed(flush: 1))
    #expect(try database.flush(batch) == .alreadyCommitted(flush: 1))
    let rows = try usage(database)
    #expect(rows.map(\.sums.quantity) == [5])
    // The id that the repetition took was given back.
    #expect(try database.flush(maker.next()) == .committed(flush: 2))
  }

  @Test("a checkpoint elsewhere is another writer, and both places are named")
  func otherWriter() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    var stale = maker
    let committed = maker.next()
    _ = try database.flush(committed)
    var missed = stale.next(rollups: [increment("a", Months.january.firstHour)])
    missed.token = 99
    #expect(
      throws: DatabaseError.otherWriter(
        partition: 0, expected: .beginning, found: committed.to)
    ) { try database.flush(missed) }
    // The right position with the wrong chain is not the right place.
    var forked = maker.next()
    forked.from.chain ^= 1
    #expect(
      throws: DatabaseError.otherWriter(
        partition: 0, expected: forked.from, found: committed.to)
    ) { try database.flush(forked) }
    // A partition without a checkpoint can only begin at the beginning.
    var elsewhere = forked
    elsewhere.partition = 3
    #expect(
      throws: DatabaseError.otherWriter(partition: 3, expected: forked.from, found: nil)
    ) { try database.flush(elsewhere) }
    #expect(try usage(database).isEmpty)
    #expect(try database.checkpoint(partition: 0)?.place == committed.to)
  }

  @Test("another installation is refused, whatever its partition")
  func installation() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    _ = try database.flush(maker.next())
    for partition: UInt16 in [0, 1] {
      var other = BatchMaker(partition: partition)
      other.installation = InstallationID(bits: 5)
      let batch = other.next()
      #expect(
        throws: DatabaseError.installationMismatch(
          expected: InstallationID(bits: 5), found: maker.installation)
      ) { try database.flush(batch) }
    }
    var second = BatchMaker(partition: 1)
    #expect(try database.flush(second.next()) == .committed(flush: 2))
    let partitions = try database.snapshot { try $0.checkpoints().map(\.partition) }
    #expect(partitions == [0, 1])
  }

  @Test("adjustments, closed hours, changed hours and messages of one flush")
  func companions() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    let listener = try scratch.reader()
    for channel in ["flush", "close", "finalize"] {
      try listener.listen(to: "weighbridge_\(channel)")
    }
    var maker = BatchMaker()
    let hour = Months.january.firstHour
    let next = Hour(index: hour.index + 1)
    let adjustments = [
      late("a", hour, bookedIn: Months.february, quantity: -3),
      late("b", hour, bookedIn: Months.march),
    ]
    _ = try database.flush(
      maker.next(
        rollups: [increment("a", hour), increment("a", next), increment("b", hour)],
        adjustments: adjustments, closedHours: [hour, next],
        finalizing: [("a", Months.january)]))
    _ = try database.flush(maker.next(adjustments: [adjustments[0]], closedHours: [next]))
    var found: [AdjustmentRow] = []
    var closed: [ClosedHour] = []
    try database.snapshot { snapshot in
      try snapshot.adjustments { found.append($0) }
      try snapshot.closedHours { closed.append($0) }
    }
    var doubled = adjustments[0].sums
    doubled += adjustments[0].sums
    #expect(found.map(\.sums) == [doubled, adjustments[1].sums])
    #expect(found.map(\.bookingStart) == [Months.february.firstHour, Months.march.firstHour])
    #expect(found.map(\.originHour) == [hour, hour])
    #expect(found.map(\.flush) == [2, 1])
    #expect(closed == [ClosedHour(hour: hour, partition: 0), ClosedHour(hour: next, partition: 0)])
    let hours = try scratch.administrator().execute(
      """
      SELECT flush_id, extract(epoch FROM hour)::int8 / 3600 FROM weighbridge.flush_hours
      ORDER BY 2
      """
    )
    #expect((0..<hours.count).map { hours.text($0, 1) } == ["\(hour.index)", "\(next.index)"])
    var messages: [PostgresNotification] = []
    while messages.count < 5 {
      messages += try listener.notifications(waitingMilliseconds: 10_000)
    }
    #expect(
      messages.map(\.channel) == [
        "weighbridge_flush", "weighbridge_close", "weighbridge_finalize", "weighbridge_flush",
        "weighbridge_close",
      ])
    #expect(messages[2].payload == #"{"tenant" : "a", "period" : "2026-01"}"#)
  }

  @Test("filters choose rows; a stream longer than one piece is complete")
  func filters() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    let start = Months.january.firstHour
    var rollups: [RollupIncrement] = []
    for number in 0..<12_001 {
      rollups.append(
        increment(
          "a", Hour(index: start.index + Int32(number % 5)), operation: "op\(number)",
          quantity: Int128(number)))
    }
    rollups.append(increment("b", start, kind: .compute))
    _ = try database.flush(maker.next(rollups: rollups))
    func count(_ filter: UsageFilter) throws -> Int {
      var count = 0
      try database.snapshot { try $0.usage(filter) { _ in count += 1 } }
      return count
    }
    #expect(try count(UsageFilter()) == 12_002)
    #expect(try count(UsageFilter(tenant: "b")) == 1)
    #expect(try count(UsageFilter(tenant: "b' OR true --")) == 0)
    #expect(try count(UsageFilter(kind: .compute)) == 1)
    #expect(try count(UsageFilter(tenant: "a", operation: "op77")) == 1)
    let middle = Hour(index: start.index + 1)
    #expect(try count(UsageFilter(from: middle, to: Hour(index: start.index + 2))) == 2_400)
    // An error of the reader comes out as it went in, and the session works on.
    #expect(throws: CancellationError.self) {
      try database.snapshot { try $0.usage { _ in throw CancellationError() } }
    }
    #expect(try count(UsageFilter(tenant: "b")) == 1)
  }

  @Test("a snapshot does not see what is committed meanwhile")
  func snapshotIsolation() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    let writer = try scratch.rollups()
    var maker = BatchMaker()
    _ = try writer.flush(maker.next(rollups: [increment("a", Months.january.firstHour)]))
    try database.snapshot { snapshot in
      let before = try snapshot.checkpoints()
      _ = try writer.flush(maker.next(rollups: [increment("a", Months.march.firstHour)]))
      let after = try snapshot.checkpoints()
      #expect(after == before)
      var count = 0
      try snapshot.usage { _ in count += 1 }
      #expect(count == 1)
    }
    #expect(try usage(database).count == 2)
  }
}
