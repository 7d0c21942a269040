import Database
import Dedup
import Foundation
import MemoryRuns
import Metering
import Postgres
import SegmentLog
import Wire

@testable import Server

/// A data directory and a database that a ledger fills without a service, by a clock of its own:
/// months pass at once. Every flush begins a segment.
final class FlushedLog {
  static let start: Int64 = 1_769_896_800_000  // 2026-01-31T22:00:00Z
  static let hour: Int64 = 3_600_000
  static let day = 24 * hour

  let database: ScratchDatabase
  let layout: DataDirectoryLayout
  private let directory: DataDirectory
  private let files: PartitionFiles
  let rollups: RollupDatabase
  private var ledger: Ledger
  private let encoder = BlockEncoder()
  private var now = FlushedLog.start
  private var sequence: UInt64 = 0
  private var token: UInt128 = 0
  private var file: FileHandle?
  /// Number of the segment that is written.
  private var number: UInt64 = 0

  /// - Parameter calendars: those of tenants that do not have calendar months.
  init(calendars: CalendarTable = .empty) throws {
    database = try ScratchDatabase()
    _ = ScratchCluster.root
    directory = try DataDirectory(
      path: "\(ScratchCluster.root)/log-\(UUID().uuidString.prefix(8))", partitionCount: 1,
      now: Timestamp(milliseconds: Self.start))
    layout = directory.layout
    files = PartitionFiles(layout.partition(0))
    try files.prepare()
    rollups = try RollupDatabase(ConnectionSettings(database.serviceURL))
    var configuration = LedgerConfiguration(weights: .empty, canonicalText: "test")
    configuration.dedup.maximumKeys = 100_000
    configuration.segmentSize = 1
    configuration.calendars = calendars
    ledger = Ledger(
      identity: LedgerIdentity(
        installation: directory.installation.id, secret: directory.installation.secret),
      configuration: configuration, store: MemoryRunStore())
    try ledger.start(wall: Timestamp(milliseconds: now), monotonic: now)
    try write()
  }

  deinit { try? FileManager.default.removeItem(atPath: layout.path) }

  /// Judges records as one batch, and puts everything into Postgres.
  ///
  /// - Returns: the counts of the batch's verdicts.
  @discardableResult
  func add(_ records: [UsageRecord]) throws -> VerdictCounts {
    let counts = try addUnflushed(records)
    try flush()
    return counts
  }

  /// Judges records as one batch, which stands in the log alone.
  func addUnflushed(_ records: [UsageRecord]) throws -> VerdictCounts {
    sequence += 1
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "test", epoch: 1), keyID: .none, maximumLength: 60_000)
    for record in records {
      guard encoder.append(record) == .appended else {
        throw ServiceProcess.Failure(description: "no frame takes \(record)")
      }
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: sequence, highestSequence: sequence, to: &bytes) { _ in 0 }
    var columns = UsageColumns()
    let span = bytes.span
    let frame = unsafe span.bytes
    try columns.append(frame: frame, header: FrameHeader(parsing: frame, limits: .standard))
    try ledger.judge(columns, wall: Timestamp(milliseconds: now), monotonic: now)
    let counts = ledger.outcomes[0].receipt.counts
    try write()
    return counts
  }

  /// Lets time pass; hours that end are closed, in Postgres too.
  func pass(_ milliseconds: Int64) throws {
    now += milliseconds
    ledger.tick(wall: Timestamp(milliseconds: now), monotonic: now)
    try write()
    try flush()
  }

  /// Finalizes the first month of all tenants.
  func finalizeFirstMonth() throws {
    let period = BillingPeriod(containing: Timestamp(milliseconds: Self.start))
    let order = FinalizeOrder(
      period: period, operatorName: "olga", closed: ledger.closedHours)
    for result in ledger.finalize(order, tenants: ledger.tenantsOpen(in: period)) {
      _ = try result.get()
    }
    try write()
    try flush()
  }

  /// Lets the source send a batch that never comes.
  func loseBatch() { sequence += 1 }

  /// Finalizes a period of one tenant.
  func finalize(
    _ period: BillingPeriod, _ tenant: String, run: Int64? = nil, accepting reason: String? = nil
  ) throws {
    let order = FinalizeOrder(
      period: period, operatorName: "olga", run: run, acceptsGaps: reason,
      closed: ledger.closedHours)
    for result in ledger.finalize(order, tenants: [tenant]) { _ = try result.get() }
    try write()
    try flush()
  }

  /// Voids the record that counts with a key; the flush is left to what follows.
  func void(_ key: UInt128) throws -> LoggedCorrection {
    let correction = try ledger.void(find(key), operatorName: "olga", reason: "a test run")
    try write()
    return correction
  }

  /// Gives the record that counts with a key another quantity; the flush is left to what follows.
  func amend(_ key: UInt128, quantity: Int64) throws -> LoggedCorrection {
    var amendment = Amendment()
    amendment.quantity = quantity
    let correction = try ledger.amend(
      find(key), amendment, operatorName: "olga", reason: "a typing error")
    try write()
    return correction
  }

  /// Takes a record in that was quarantined; the flush is left to what follows.
  func replay(_ record: UsageRecord, quarantined number: UInt64) throws -> LoggedCorrection {
    let correction = try ledger.replay(
      record, quarantined: number, operatorName: "olga", reason: "a limit was raised")
    try write()
    return correction
  }

  private func find(_ key: UInt128) throws -> FoundRecord {
    var found: FoundRecord?
    var decoder = LogDecoder()
    let block = LoggedBlock()
    for (number, file) in try files.mapSegments() {
      var segment = try decoder.begin(file.bytes, number: number)
      while let next = try segment.next() {
        try decoder.decode(next, into: block)
        RecordReader(tenant: nil).read(block) { record in
          if record.record.key == .raw(key), let match = record.found { found = match }
        }
      }
    }
    guard let found else { throw ServiceProcess.Failure(description: "no record has key \(key)") }
    return found
  }

  /// Deletes the segments that retention would.
  ///
  /// - Parameters:
  ///   - repeated: whether a crash came between manifest and deletion the first time.
  ///   - retention: how long segments are kept, in milliseconds.
  /// - Returns: how many.
  func deleteOldSegments(repeated: Bool = false, olderThan retention: Int64 = 0) throws -> Int {
    let old = ledger.removableSegments(retention: retention)
    if repeated { try Manifest(files).append(old) }
    try Manifest(files).append(old)
    for segment in old { try files.removeSegment(segment.number) }
    ledger.segmentsRemoved(old.count)
    return old.count
  }

  func removeManifest() throws { try FileManager.default.removeItem(atPath: files.manifest) }

  func verify() throws -> Verification { try LogVerifier.verify(layout, against: rollups) }

  /// The id of the last flush.
  func lastFlush() throws -> Int64 {
    try database.administrator().execute("SELECT max(flush_id) FROM weighbridge.flushes")
      .integer(0, 0)
  }

  func flush() throws {
    token += 1
    guard ledger.beginFlush(token: token) else { return }
    try write()
    guard let batch = ledger.takeFlush() else { return }
    _ = try rollups.flush(batch)
    ledger.flushCommitted()
    try write()
  }

  private func write() throws {
    ledger.sealBlock()
    for action in ledger.takeActions() {
      switch action {
      case .openSegment(let next, let header):
        number = next
        let path = files.segment(number)
        _ = FileManager.default.createFile(atPath: path, contents: Data(header))
        file = FileHandle(forWritingAtPath: path)
        try file?.seekToEnd()
      case .append(let block):
        var bytes: [UInt8] = []
        block.encode(with: encoder, into: &bytes)
        try file?.write(contentsOf: Data(bytes))
        ledger.synced(through: block.end, segmentSizes: [number: Int(try file?.offset() ?? 0)])
      }
    }
  }
}

extension ScratchDatabase {
  /// Runs statements as a superuser who has switched the locks off, then something, and then puts
  /// every row back.
  func tampered<Result>(_ statements: String, _ body: () throws -> Result) throws -> Result {
    let tables = ["billing_periods", "usage_hourly", "usage_adjustments"]
    try tamper(
      tables.map {
        "DROP TABLE IF EXISTS public.kept_\($0); "
          + "CREATE TABLE public.kept_\($0) AS TABLE weighbridge.\($0);"
      }.joined() + statements)
    let result = try body()
    try tamper(
      tables.map {
        "DELETE FROM weighbridge.\($0); "
          + "INSERT INTO weighbridge.\($0) TABLE public.kept_\($0);"
      }.joined())
    return result
  }

  /// Runs statements as a superuser who has switched the locks off.
  func tamper(_ statements: String) throws {
    try administrator().run(
      script: """
        BEGIN;
        ALTER TABLE weighbridge.billing_periods DISABLE TRIGGER ALL;
        ALTER TABLE weighbridge.usage_hourly DISABLE TRIGGER ALL;
        ALTER TABLE weighbridge.usage_adjustments DISABLE TRIGGER ALL;
        DO $$ DECLARE month regclass; BEGIN
          FOR month IN SELECT inhrelid::regclass FROM pg_inherits
            WHERE inhparent = 'weighbridge.usage_hourly'::regclass LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', month);
          END LOOP;
        END $$;
        \(statements);
        COMMIT;
        """)
  }
}
