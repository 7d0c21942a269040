import Foundation
import Metering
import Postgres
import Server
import Testing
import Wire

/// `weighbridge verify` against a superuser who changed figures, and beyond retention.
@Suite("Verify")
struct VerifyTests {
  static func record(
    _ key: UInt128, tenant: String = "acme", kind: UsageKind = .compute, operation: String = "op",
    at time: Int64 = FlushedLog.start, quantity: Int64
  ) -> UsageRecord {
    UsageRecord(
      tenant: tenant, kind: kind, operation: operation, contextType: .project, context: "p",
      time: Timestamp(milliseconds: time), quantity: quantity, key: .raw(key))
  }

  /// A January that is finalized, a February that is open and has late usage of January.
  static func makeLog() throws -> FlushedLog {
    let log = try FlushedLog()
    try log.add([
      Self.record(1, quantity: 5), Self.record(2, operation: "other", quantity: 7),
      Self.record(3, kind: .storage, quantity: 1_000),
      Self.record(4, tenant: "globex", kind: .traffic, quantity: 90),
    ])
    try log.pass(3 * FlushedLog.hour)
    try log.finalizeFirstMonth()
    let late = try log.add([
      Self.record(11, quantity: 3), Self.record(12, kind: .storage, quantity: -10),
      Self.record(13, at: FlushedLog.start + 3 * FlushedLog.hour, quantity: 2),
    ])
    #expect(late.late == 2 && late.accepted == 1)
    return log
  }

  @Test func everythingIsEqual() throws {
    let found = try Self.makeLog().verify()
    #expect(found.outcome == .equal && found.differences == [])
    #expect(found.usage.equal == 5 && found.adjustments.equal == 2 && found.periods.equal == 2)
    #expect(found.deletedSegments == 0)
  }

  /// Changes of the finalized row, and what is said of each.
  private static let changes: [(String, String)] = [
    ("records = records + 1", "records is 4, its rows give 3, the log gives 3"),
    ("digest = digest + 1", "digest is "),
    ("adjustments_digest = 1", "adjustments_digest is 1, its rows give 0, the log gives 0"),
    ("opening_level = 1", "opening_level is 1, its rows give 0, the log gives 0"),
    ("closing_level = 999", "closing_level is 999, its rows give 1000, the log gives 1000"),
    (
      "totals = jsonb_set(totals, '{usage,compute,quantity}', '13')",
      "totals.usage.compute.quantity is 13, its rows give 12, the log gives 12"
    ),
    (
      "totals = jsonb_set(totals, '{usage,compute,weighted}', '13')",
      "totals.usage.compute.weighted is 13, its rows give "
    ),
    (
      "totals = totals #- '{usage,storage,byte_milliseconds}'",
      "totals.usage.storage.byte_milliseconds is nothing, its rows give "
    ),
    (
      "operation_totals = jsonb_set(operation_totals, '{usage,compute,op,quantity}', '6')",
      "operation_totals.usage.compute.op.quantity is 6, its rows give 5, the log gives 5"
    ),
    (
      "operation_totals = jsonb_set(operation_totals, '{usage,storage,op,records}', '2')",
      "operation_totals.usage.storage.op.records is 2, its rows give 1, the log gives 1"
    ),
    (
      "operation_totals = operation_totals #- '{usage,compute,other}'",
      "operation_totals.usage.compute.other.byte_milliseconds is nothing, its rows give 0"
    ),
    (
      """
      operation_totals = jsonb_set(operation_totals, '{adjustments,traffic}',
        '{"op": {"quantity": 1}}')
      """,
      "operation_totals.adjustments.traffic.op.quantity is 1, its rows give nothing, the log "
        + "gives nothing"
    ),
    ("finalized_by = 'eve'", "finalized_by is eve, the log gives olga"),
    (
      "finalized_at = finalized_at - interval '1 s'",
      "finalized_at is 2026-02-01T00:59:59Z, the log gives 2026-02-01T01:00:00Z"
    ),
    ("log_position = log_position + 1", "log_position is "),
    ("run_id = 7", "run_id is 7, the log gives null"),
    (
      "period_start = period_start + interval '1 h'",
      "period_start is 2026-01-01T01:00:00Z, the log gives 2026-01-01T00:00:00Z"
    ),
    (
      "state = 'open', finalized_at = NULL", "state is open, the log gives finalized"
    ),
  ]

  @Test func everyFigureOfAFinalizedPeriodCounts() throws {
    let log = try Self.makeLog()
    try log.database.tamper("CREATE TABLE public.kept AS TABLE weighbridge.billing_periods")
    let january = "tenant = 'acme' AND state = 'finalized'"
    for (change, expected) in Self.changes {
      try log.database.tamper(
        "UPDATE weighbridge.billing_periods SET \(change) WHERE \(january)")
      let found = try log.verify()
      #expect(found.outcome == .differs && found.exit == .refused, "\(change)")
      let named = found.differences.first ?? ""
      #expect(named.hasPrefix("billing_periods (acme, 2026-01): "), "\(change): \(named)")
      #expect(named.contains(expected), "\(change): \(named)")
      try log.database.tamper(
        """
        DELETE FROM weighbridge.billing_periods;
        INSERT INTO weighbridge.billing_periods TABLE public.kept
        """)
    }
    #expect(try log.verify().outcome == .equal)
  }

  @Test func aPeriodThatIsMissingOrTooManyIsNamed() throws {
    let log = try Self.makeLog()
    try log.database.tamper(
      "DELETE FROM weighbridge.billing_periods WHERE tenant = 'globex' AND state = 'finalized'")
    let missing = try log.verify()
    #expect(
      missing.differences.contains(
        "billing_periods (globex, 2026-01): state is missing, the log gives finalized"),
      "\(missing.differences)")
    let other = try Self.makeLog()
    try other.database.tamper(
      """
      SELECT weighbridge.finalize_period(
        'acme', '2026-02', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z', now(), 'eve', 0, 1)
      """)
    let found = try other.verify()
    #expect(
      found.differences.first
        == "billing_periods (acme, 2026-02): state is finalized, the log gives open",
      "\(found.differences)")
  }

  @Test func rowsThatWereChangedTogetherWithTheirPeriodAreNamed() throws {
    let log = try Self.makeLog()
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET quantity = quantity - 1
        WHERE tenant = 'globex' AND hour < '2026-02-01T00:00:00Z';
      UPDATE weighbridge.billing_periods
        SET totals = jsonb_set(totals, '{usage,traffic,quantity}', '89') WHERE tenant = 'globex'
          AND state = 'finalized'
      """)
    let found = try log.verify()
    #expect(found.usage.differing == 1 && found.periods.differing == 1)
    #expect(
      found.differences.last?.contains(
        "totals.usage.traffic.quantity is 89, its rows give 89, the log gives 90") == true)
  }

  @Test func namesThatUnicodeCallsEqualStayTwoRows() throws {
    let log = try FlushedLog()
    let forms = ["caf\u{E9}", "cafe\u{301}"]
    for (number, form) in forms.enumerated() {
      try log.add([
        Self.record(UInt128(number) + 1, operation: form, quantity: Int64(number) + 1),
        Self.record(UInt128(number) + 11, tenant: form, quantity: Int64(number) + 3),
      ])
    }
    let found = try log.verify()
    #expect(found.outcome == .equal && found.usage.equal == 4)
    // As rows, and as they are printed.
    let rows = try log.database.administrator().execute(
      """
      SELECT encode(operation::bytea, 'hex'), quantity::bigint FROM weighbridge.usage_hourly
      WHERE tenant = 'acme' ORDER BY quantity
      """)
    #expect(rows.count == 2 && rows.text(0, 0) == "636166c3a9")
    #expect(rows.text(1, 0) == "63616665cc81")
    // A superuser who puts one for the other is seen.
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET operation = 'x' WHERE operation = '\(forms[0])';
      UPDATE weighbridge.usage_hourly SET operation = '\(forms[0])'
        WHERE operation = '\(forms[1])';
      UPDATE weighbridge.usage_hourly SET operation = '\(forms[1])' WHERE operation = 'x'
      """)
    #expect(try log.verify().usage.differing == 2)
  }

  /// Operations may be called as Unicode pleases, and may have in them what stands between the
  /// names of figures.
  @Test func operationsAreToldApartByTheirBytes() throws {
    let log = try FlushedLog()
    let forms = ["caf\u{E9}", "cafe\u{301}", "a.b", "GET /v1/\"x\"", "{}"]
    try log.add(
      forms.enumerated().map { number, form in
        Self.record(UInt128(number), operation: form, quantity: Int64(number) + 1)
      })
    try log.pass(3 * FlushedLog.hour)
    try log.finalizeFirstMonth()
    #expect(try log.verify().outcome == .equal)
    let compute = "(operation_totals->'usage'->'compute')"
    for change in [
      // One form for the other.
      """
      \(compute) || jsonb_build_object('\(forms[0])', \(compute)->'\(forms[1])',
        '\(forms[1])', \(compute)->'\(forms[0])')
      """,
      // A path that reads like the one that was.
      """
      (\(compute) - 'a.b'::text)
        || jsonb_build_object('a', jsonb_build_object('b', \(compute)->'a.b'))
      """,
    ] {
      let found = try log.database.tampered(
        """
        UPDATE weighbridge.billing_periods
        SET operation_totals = jsonb_set(operation_totals, '{usage,compute}', \(change))
        WHERE state = 'finalized'
        """
      ) { try log.verify() }
      #expect(found.outcome == .differs && found.periods.differing == 1, "\(change)")
    }
    #expect(try log.verify().outcome == .equal)
  }

  @Test func beyondRetentionTheManifestStillCounts() throws {
    let log = try Self.makeLog()
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments(repeated: true) > 0)
    let found = try log.verify()
    #expect(found.outcome == .beyondRetention && found.exit == .beyondRetention)
    #expect(found.differences == [])
    #expect(found.incomparable == 4 && found.adjustments.equal == 2)
    let hour = Hour(containing: Timestamp(milliseconds: FlushedLog.start))
    #expect(found.incomparableHours == [hour...hour])
    #expect(found.deletedHours.equal == 3 && found.periods.equal == 2)

    // Records and quantities by hour and kind are in the manifest.
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET quantity = quantity + 1
      WHERE tenant = 'acme' AND operation = 'op' AND kind = 'compute'
        AND hour < '2026-02-01T00:00:00Z'
      """)
    let changed = try log.verify()
    #expect(changed.outcome == .differs)
    #expect(
      changed.differences.first
        == "all compute of 2026-01-31T22:00:00Z: records 3, quantity 16; the manifest and the log "
        + "give 3 and 15", "\(changed.differences)")
    #expect(
      changed.differences.last
        == "billing_periods (acme, 2026-01): operation_totals.usage.compute.op.quantity is 5, its "
        + "rows give 6; totals.usage.compute.quantity is 12, its rows give 13",
      "\(changed.differences)")
  }

  @Test func beyondRetentionAFinalizedPeriodHoldsItsRows() throws {
    let log = try Self.makeLog()
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET digest = digest + 1
      WHERE tenant = 'globex' AND hour < '2026-02-01T00:00:00Z'
      """)
    let found = try log.verify()
    #expect(found.outcome == .differs && found.deletedHours.differing == 0)
    #expect(found.differences.first?.hasPrefix("billing_periods (globex, 2026-01): digest") == true)
  }

  @Test func withoutAManifestNothingOfDeletedSegmentsIsJudged() throws {
    let log = try Self.makeLog()
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    try log.removeManifest()
    do {
      _ = try log.verify()
      Issue.record("verified without a manifest")
    } catch {
      let failure = try #require(error as? CommandFailure)
      #expect(failure.exit == .beyondRetention)
      #expect(failure.message.contains("the manifest does not say"))
    }
  }
}
