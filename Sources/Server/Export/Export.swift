public import Database
public import Metering
internal import SegmentLog
internal import Wire

/// What an export holds.
public enum ExportTable: String, Codable, Sendable, CaseIterable {
  /// The rows of `usage_hourly` of a period.
  case rollups
  /// The rows of `usage_adjustments` that are booked in a period.
  case adjustments
  /// Every single record of a tenant that these rows sum up.
  case records
}

/// How the rows of an export are written.
public enum ExportFormat: String, Codable, Sendable, CaseIterable {
  /// RFC 4180 with a header; lines end with LF.
  case csv
  /// One JSON object on each line.
  case ndjson
}

/// Writes the rows of one period.
public struct Export {
  /// What is written.
  public let table: ExportTable
  /// How.
  public let format: ExportFormat
  /// Of which period, and of which tenant; records are always of one.
  public let scope: FoldScope
  /// Whether a period that anybody has open is refused.
  public let isFinal: Bool
  /// Rows that were written.
  public private(set) var rows = 0
  /// Records in these rows; a void counts −1.
  public private(set) var records: Int64 = 0
  /// Tenants of these rows.
  public private(set) var tenants: Set<String> = []

  private let sink: ExportSink

  /// An export that is not begun.
  public init(
    _ table: ExportTable, _ scope: FoldScope, as format: ExportFormat, to sink: ExportSink,
    isFinal: Bool = false
  ) {
    self.table = table
    self.format = format
    self.scope = scope
    self.sink = sink
    self.isFinal = isFinal
  }

  /// Reads rows in one snapshot of Postgres, or records from the log up to the checkpoint in
  /// Postgres, and writes them. The service may run meanwhile.
  ///
  /// The records of a tenant and period come to exactly its rows of `usage_hourly` in the hours of
  /// the period, and to those of `usage_adjustments` that are booked in it.
  ///
  /// - Parameters:
  ///   - layout: the data directory; only records need it.
  ///   - database: Postgres.
  ///   - progress: told the rows so far and the part of the work that is done, nil if that is not
  ///     known.
  /// - Throws: ``CommandFailure`` if there is no such period, or it is open and must not be, or if
  ///   the target takes no more; with ``CommandExit/beyondRetention`` if deleted segments had some
  ///   of the records.
  public mutating func run(
    _ layout: () throws(CommandFailure) -> DataDirectoryLayout, _ database: RollupDatabase,
    progress: (Int, Double?) -> Void = { _, _ in }
  ) throws(CommandFailure) {
    do {
      switch table {
      case .rollups, .adjustments:
        try database.snapshot { try read($0, progress) }
      case .records:
        let records = try RecordExport(try layout(), database, scope, isFinal: isFinal)
        try begin(ExportRow.columnsOfRecords)
        try records.read { record, part in
          try write(
            ExportRow(record, partition: records.partition), scope.tenant, record.sums.count)
          progress(rows, part)
        }
      }
      try sink.finish()
    } catch {
      throw LogVerifier.failure(error)
    }
  }

  private mutating func read(
    _ snapshot: RollupSnapshot, _ progress: (Int, Double?) -> Void
  ) throws {
    try scope.requireKnown(snapshot, isFinal: isFinal)
    try begin(ExportRow.columns(of: table == .rollups ? .usage : .adjustments))
    if table == .rollups {
      try snapshot.usage(scope.usageFilter) { row in
        guard scope.contains(row.subject.tenant, hour: row.hour, bookingStart: nil) else { return }
        let rollup = RollupRow(subject: row.subject, hour: row.hour, sums: row.sums)
        try write(
          ExportRow(rollup, flush: row.flush), rollup.subject.tenant, rollup.sums.count)
        progress(rows, nil)
      }
    } else {
      try snapshot.adjustments(scope.adjustmentsFilter) { row in
        let tenant = row.subject.tenant
        guard scope.contains(tenant, hour: row.originHour, bookingStart: row.bookingStart) else {
          return
        }
        let rollup = RollupRow(
          subject: row.subject, hour: row.originHour, bookingStart: row.bookingStart,
          sums: row.sums)
        try write(
          ExportRow(rollup, flush: row.flush), rollup.subject.tenant, rollup.sums.count)
        progress(rows, nil)
      }
    }
  }

  private func begin(_ columns: [String]) throws(CommandFailure) {
    if format == .csv { try sink.add(CSVText.row(columns)) }
  }

  private mutating func write(
    _ row: ExportRow, _ tenant: String?, _ count: Int64
  ) throws(CommandFailure) {
    try sink.add(format == .csv ? CSVText.row(row.values) : row.json + "\n")
    rows += 1
    records &+= count
    if let tenant { tenants.insert(tenant) }
  }
}

extension FoldScope {
  /// Makes sure that Postgres knows a period of the tenant, or of anybody.
  ///
  /// - Parameter isFinal: whether all of them must have finalized it.
  /// - Throws: ``CommandFailure`` if not.
  func requireKnown(_ snapshot: RollupSnapshot, isFinal: Bool) throws {
    var isKnown = false
    var open: [String] = []
    try snapshot.periods(tenant: tenant, period: period) { row in
      isKnown = true
      if row.finalized == nil { open.append(row.tenant) }
    }
    if isFinal, !open.isEmpty {
      let others = open.count > 3 ? " and \(open.count - 3) more" : ""
      throw CommandFailure(
        "\(name) is not finalized, and may still change: it is open for "
          + open.prefix(3).joined(separator: ", ") + others)
    }
    if isKnown { return }
    if try snapshot.hasUsage(usageFilter) { return }
    if try snapshot.hasAdjustments(adjustmentsFilter) { return }
    throw CommandFailure("there is no \(name)")
  }
}

extension ExportRow {
  /// The names of the columns of records.
  static var columnsOfRecords: [String] {
    let record = LoggedRecord(
      position: LogPosition(0),
      booked: BookedRecord(
        record: UsageRecord(
          tenant: "", kind: .traffic, operation: "", time: Timestamp(milliseconds: 0), quantity: 0,
          key: .raw(0)), weight: 1, bookingStart: nil),
      arrival: Timestamp(milliseconds: 0), origin: .voided(LogPosition(0)))
    return ExportRow(record, partition: 0).columns
  }

  /// The names of the columns of a table in Postgres.
  public static func columns(of table: RollupTableName) -> [String] {
    let subject = UsageSubject(
      tenant: "", kind: .traffic, operation: "", contextType: .other, context: "")
    let row = RollupRow(
      subject: subject, hour: Hour(index: 0),
      bookingStart: table == .usage ? nil : Hour(index: 0), sums: UsageSums())
    return ExportRow(row, flush: 0).columns
  }
}
