import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Control entries")
struct JournalControlTests {
  private static let point = Checkpoint(position: LogPosition(1 << 60), chain: .max)
  private static let attempt = FlushAttempt(token: .max - 1, from: .beginning, to: point)
  private static let configuration = ConfigurationRecord(
    text: "a = 1\nb = ü", acceptanceBack: 253_402_300_799_999, acceptanceAhead: 0, dedupWindow: 1)

  static let snapshot = LedgerSnapshot(
    time: .latest, configuration: configuration, closedThrough: Hour(containing: .latest),
    horizon: Timestamp(milliseconds: 0), largestAhead: 3_600_000, checkpoint: point,
    attempt: attempt,
    tenants: [
      LedgerSnapshot.Tenant(
        name: "a", firstHour: BillingPeriod.january.firstHour,
        finalized: .init(period: .february, openFrom: BillingPeriod.march.firstHour)),
      LedgerSnapshot.Tenant(name: "b", firstHour: nil, finalized: nil),
    ],
    sources: [
      LedgerSnapshot.Source(
        identity: SourceIdentity(name: "agent", epoch: .max), highestIssued: .max,
        lastArrival: .latest, sequences: [1, 2, 3], completeThrough: Timestamp(milliseconds: 0),
        accepted: [])
    ], voided: [], replayed: [])

  static func calendars() throws -> CalendarTable {
    try CalendarTable(entries: [
      CalendarEntry(tenant: "a", from: .earliest, calendar: .with(day: 15, offset: 2)),
      CalendarEntry(tenant: "a", from: .march, calendar: .with(day: 28, offset: -12)),
    ])
  }

  private static let record = UsageRecord(
    tenant: "acme", kind: .storage, operation: "upload", contextType: .project, context: "apollo",
    time: Timestamp(milliseconds: 7), quantity: -5, key: .text("k"))
  private static let correction = Correction(
    subject: .record(LogPosition(9)),
    voided: BookedRecord(record: record, weight: 1, bookingStart: nil),
    added: BookedRecord(record: record, weight: 3, bookingStart: Hour(index: 744)), revision: 2,
    time: .latest, operatorName: "olga", reason: "wrong size")
  private static let replay = Correction(
    subject: .quarantined(77), voided: nil,
    added: BookedRecord(
      record: UsageRecord(
        tenant: "acme", kind: .compute, operation: "x", time: .latest, quantity: 1,
        key: .raw(.max)),
      weight: 1_000_000, bookingStart: nil), revision: 0, time: .latest, operatorName: "olga",
    reason: "limits were too low")

  private static let following: LedgerSnapshot = {
    var following = snapshot
    following.previous = JournalSnapshotTests.segment
    return following
  }()

  static let entries: [ControlEntry] = [
    .snapshot(snapshot), .snapshot(following),
    .snapshot(
      LedgerSnapshot(
        time: Timestamp(milliseconds: 0), configuration: nil, closedThrough: nil, horizon: nil,
        largestAhead: 0, checkpoint: .beginning, attempt: nil, tenants: [], sources: [],
        voided: [LogPosition(0)], replayed: [])),
    .configuration(configuration),
    .hoursClosed(through: Hour(index: 0), time: .latest),
    .periodFinalized(
      PeriodFinalization(
        tenant: "acme", bounds: PeriodBounds(monthOf: .march), time: Timestamp(milliseconds: 1),
        operatorName: "", position: LogPosition(77))),
    .periodFinalized(
      PeriodFinalization(
        tenant: "acme", bounds: PeriodBounds(monthOf: .january), time: .latest,
        operatorName: "olga", run: -1, acceptance: LogPosition(3), position: LogPosition(77))),
    .gapsAccepted(
      GapAcceptance(
        gaps: [
          AcceptedGaps(
            source: SourceIdentity(name: "agent", epoch: 3),
            missing: [1...1, 3...9, .max - 1 ... .max])
        ], reason: "lost disk", operatorName: "olga", time: .latest, position: LogPosition(77))),
    .corrected(correction), .corrected(replay),
    .flushAttempt(attempt),
    .flushCommitted(token: 1, checkpoint: point),
    .clockConfirmed(operatorName: "me", before: Timestamp(milliseconds: 0), after: .latest),
  ]

  @Test(arguments: entries)
  func roundTripAndEveryTruncation(entry: ControlEntry) throws {
    let bytes = entry.encoded()
    let position = LogPosition(77)
    #expect(try ControlEntry(decoding: bytes, at: position) == entry)
    for length in 0..<bytes.count {
      do {
        _ = try ControlEntry(decoding: Array(bytes.prefix(length)), at: position)
        Issue.record("\(length) of \(bytes.count) bytes were taken")
      } catch {
        #expect(error.position == position)
      }
    }
    let longer: [UInt8] = bytes + [0]
    #expect(throws: JournalError.self) {
      _ = try ControlEntry(decoding: longer, at: position)
    }
  }

  @Test(arguments: entries)
  func changedBytesNeverTrap(entry: ControlEntry) throws {
    let bytes = entry.encoded()
    for place in bytes.indices {
      for value in UInt8.min...UInt8.max {
        var changed = bytes
        changed[place] = value
        let decoded = try? ControlEntry(decoding: changed, at: LogPosition(0))
        // Whatever is taken can be written again; what is read of an older version stays the same.
        if let decoded {
          #expect(try ControlEntry(decoding: decoded.encoded(), at: LogPosition(0)) == decoded)
        }
      }
    }
  }

  @Test func randomBytesNeverTrap() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<30_000 {
      var bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if !bytes.isEmpty { bytes[0] %= 14 }
      _ = try? ControlEntry(decoding: bytes, at: LogPosition(0))
    }
  }

  @Test func numbersOutsideTheCalendarAreNamed() {
    func problem(_ entry: ControlEntry) -> String? {
      do {
        _ = try ControlEntry(decoding: entry.encoded(), at: LogPosition(0))
        return nil
      } catch { return error.problem }
    }
    let time = Timestamp(milliseconds: 0)
    #expect(
      problem(.hoursClosed(through: Hour(index: -1), time: time))?.contains("the closed hour")
        == true)
    #expect(
      problem(.hoursClosed(through: Hour(index: .max), time: time))?.contains("the closed hour")
        == true)
    #expect(
      problem(.hoursClosed(through: Hour(index: 1), time: Timestamp(milliseconds: -1)))?
        .contains("a time of -1") == true)
    func finalized(_ bounds: PeriodBounds) -> ControlEntry {
      .periodFinalized(
        PeriodFinalization(
          tenant: "a", bounds: bounds, time: time, operatorName: "", position: LogPosition(0)))
    }
    var bounds = PeriodBounds(monthOf: .january)
    bounds.period = BillingPeriod(month: -1)
    #expect(problem(finalized(bounds))?.contains("the period") == true)
    bounds = PeriodBounds(monthOf: .january)
    bounds.end = bounds.start
    #expect(problem(finalized(bounds))?.contains("a period from") == true)
  }

  /// Bytes that an older version wrote.
  @Test func olderEntriesAreRead() throws {
    // 4: acme, month 672, time 1, by olga.
    let month: [UInt8] = [4, 4] + Array("acme".utf8) + [0xc0, 0x0a, 2, 4] + Array("olga".utf8)
    #expect(
      try ControlEntry(decoding: month, at: LogPosition(77))
        == .periodFinalized(
          PeriodFinalization(
            tenant: "acme", bounds: PeriodBounds(monthOf: .january),
            time: Timestamp(milliseconds: 1),
            operatorName: "olga", position: LogPosition(77))))
    // 2: a text, windows of 1, 2 and 3.
    let configuration: [UInt8] = [2, 1, 0x61, 2, 4, 6]
    #expect(
      try ControlEntry(decoding: configuration, at: LogPosition(0))
        == .configuration(
          ConfigurationRecord(text: "a", acceptanceBack: 1, acceptanceAhead: 2, dedupWindow: 3)))
  }
}
