internal import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

extension RollupDatabase {
  /// Writes down the open periods that the rows of a batch belong to. Its rows are written: their
  /// tenants are held, so that nobody finalizes one of these periods.
  func openPeriods(of batch: FlushBatch) throws(PostgresError) {
    var touched = TouchedPeriods(batch.calendars)
    for increment in batch.rollups {
      touched.add(increment.subject.tenant, increment.hour)
    }
    for increment in batch.adjustments {
      touched.add(increment.subject.tenant, increment.bookingStart)
    }
    try open(touched)
  }

  /// Applies the finalizations of a batch, then writes down the periods that follow them.
  func finalize(_ batch: FlushBatch) throws(PostgresError) {
    var following = TouchedPeriods(batch.calendars)
    for finalization in batch.finalizations {
      let bounds = finalization.bounds
      try connection.execute(
        """
        SELECT weighbridge.finalize_period($1, $2, \(HourSQL.time("$3")), \(HourSQL.time("$4")),
          to_timestamp($5::numeric / 1000), $6, $7, $8, $9, $10)
        """,
        [
          finalization.tenant, bounds.period.text, String(bounds.start.index),
          String(bounds.end.index), String(finalization.time.milliseconds),
          finalization.operatorName, String(batch.partition),
          String(finalization.position.rawValue), finalization.run.map { String($0) },
          finalization.acceptance.map { String($0.rawValue) },
        ])
      following.add(finalization.tenant, bounds.end)
    }
    try open(following)
  }

  private func open(_ periods: TouchedPeriods) throws(PostgresError) {
    guard !periods.tenants.isEmpty else { return }
    try connection.execute(
      """
      SELECT weighbridge.open_periods($1::text[], $2::text[], \(HourSQL.times("$3")),
        \(HourSQL.times("$4")))
      """,
      [
        TextArray.text(periods.tenants), TextArray.text(periods.bounds.map(\.period.text)),
        TextArray.text(periods.bounds.map(\.start.index)),
        TextArray.text(periods.bounds.map(\.end.index)),
      ])
  }

  /// Records the gaps that a batch accepts; finalizations refer to them.
  func recordAcceptances(of batch: FlushBatch) throws(PostgresError) {
    for acceptance in batch.acceptances {
      let sources = acceptance.gaps.map(\.source.name)
      let epochs = acceptance.gaps.map(\.source.epoch)
      let missing = acceptance.gaps.map { gap in
        let ranges = gap.missing.map { "[\($0.lowerBound), \($0.upperBound)]" }
        return "[\(ranges.joined(separator: ", "))]"
      }
      try connection.execute(
        """
        INSERT INTO weighbridge.gap_acceptances
          (partition, position, accepted_at, operator, reason, gaps)
        SELECT $1, $2, to_timestamp($3::numeric / 1000), $4, $5,
          coalesce(jsonb_agg(jsonb_build_object(
            'source', gap.source, 'epoch', gap.epoch, 'missing', gap.missing::jsonb)
            ORDER BY gap.place), '[]')
        FROM unnest($6::text[], $7::numeric[], $8::text[])
          WITH ORDINALITY AS gap (source, epoch, missing, place)
        """,
        [
          String(batch.partition), String(acceptance.position.rawValue),
          String(acceptance.time.milliseconds), acceptance.operatorName, acceptance.reason,
          TextArray.text(sources), TextArray.text(epochs), TextArray.text(missing),
        ])
    }
  }
}

/// The periods that rows belong to, in the order of the rows; a period may stand there twice.
private struct TouchedPeriods {
  private(set) var tenants: [String] = []
  private(set) var bounds: [PeriodBounds] = []
  private let calendars: CalendarTable
  private var schedule: CalendarSchedule

  init(_ calendars: CalendarTable) {
    self.calendars = calendars
    schedule = calendars.schedule(of: "")
  }

  /// Adds the period of a tenant that holds an hour. Rows in their order cost one comparison each.
  mutating func add(_ tenant: String, _ hour: Hour) {
    if let last = tenants.last, last.utf8.elementsEqual(tenant.utf8) {
      if bounds[bounds.count - 1].contains(hour) { return }
    } else {
      schedule = calendars.schedule(of: tenant)
    }
    tenants.append(tenant)
    bounds.append(schedule.period(containing: hour))
  }
}
