import Foundation
import Metering
import SegmentLog
import Synchronization
import Wire

@testable import Database
@testable import Postgres

/// A cluster for the tests of this module, made at first use and removed when the process ends.
enum ScratchCluster {
  static let folder = "/tmp/weighbridge-test-d\(getpid())"
  static let login = "weighbridge_test_service"
  static let reader = "weighbridge_test_reader"

  static let shared: PrivateCluster = {
    do {
      let cluster = try PrivateCluster.start(folder: folder)
      atexit { ScratchCluster.remove() }
      let connection = try PostgresConnection(
        ConnectionSettings(cluster.connectionString(user: PrivateCluster.administrator)))
      try connection.run(script: "ALTER SYSTEM SET max_connections = 90; ")
      try cluster.stop()
      return try PrivateCluster.start(folder: folder)
    } catch {
      fatalError("the tests need PostgreSQL: \(error)")
    }
  }()

  /// Nothing needs to survive: ending the server at once spares the checkpoint.
  private static func remove() {
    let data = "\(folder)/data"
    if let server = PostmasterFile(dataDirectory: data) {
      kill(server.process, SIGQUIT)
      while server.isAlive(dataDirectory: data) { usleep(10_000) }
    }
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// A database of its own for each test, in the scratch cluster.
struct ScratchDatabase {
  private static let counter = Atomic<Int>(0)
  let name: String

  init(migrated: Bool = true, encoding: String = "UTF8") throws {
    let number = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
    name = "scratch_\(number)"
    let server = try PostgresConnection(
      ConnectionSettings(
        ScratchCluster.shared.connectionString(user: PrivateCluster.administrator)))
    try server.execute("CREATE DATABASE \(name) TEMPLATE template0 ENCODING '\(encoding)'")
    guard migrated else { return }
    let connection = try administrator()
    try DatabaseSchema.migrate(on: connection, serviceLogin: ScratchCluster.login)
    try connection.execute(
      """
      DO $$ BEGIN CREATE ROLE \(ScratchCluster.reader) LOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
      """)
    try connection.execute("GRANT weighbridge_reader TO \(ScratchCluster.reader)")
  }

  func settings(user: String) -> ConnectionSettings {
    ConnectionSettings(
      ScratchCluster.shared.connectionString(user: user, database: name),
      statementTimeoutMilliseconds: 60_000)
  }

  func administrator() throws -> PostgresConnection {
    try PostgresConnection(settings(user: PrivateCluster.administrator))
  }

  func service() throws -> PostgresConnection {
    try PostgresConnection(settings(user: ScratchCluster.login))
  }

  func reader() throws -> PostgresConnection {
    try PostgresConnection(settings(user: ScratchCluster.reader))
  }

  func rollups() throws -> RollupDatabase {
    try RollupDatabase(settings(user: ScratchCluster.login))
  }
}

/// Batches that follow one another in one partition's log.
struct BatchMaker {
  var installation = InstallationID(bits: 0x1111_2222_3333_4444_5555_6666_7777_8888)
  var partition: UInt16 = 0
  var place = Checkpoint.beginning
  var calendars = CalendarTable.empty
  private var token: UInt128 = 0

  init(partition: UInt16 = 0) { self.partition = partition }

  /// The next batch; afterwards the log stands at its end.
  mutating func next(
    rollups: [RollupIncrement] = [], adjustments: [AdjustmentIncrement] = [],
    closedHours: [Hour] = [], acceptances: [GapAcceptance] = [],
    finalizing finalized: [(String, BillingPeriod)] = []
  ) -> FlushBatch {
    token += 1
    let to = Checkpoint(
      position: LogPosition(place.position.rawValue + 10), chain: UInt64.max - UInt64(token))
    defer { place = to }
    return FlushBatch(
      installation: installation, partition: partition,
      token: token << 64 | UInt128(partition) << 8 | 0xAB, from: place, to: to, records: 3,
      rollups: rollups, adjustments: adjustments, closedHours: closedHours,
      acceptances: acceptances,
      finalizations: finalized.map { tenant, period in
        PeriodFinalization(
          tenant: tenant, bounds: calendars.schedule(of: tenant).bounds(of: period),
          time: Timestamp(milliseconds: 1_767_225_600_123), operatorName: "olga",
          position: place.position)
      }, calendars: calendars)
  }
}

/// January, February and March 2026.
enum Months {
  static let january = BillingPeriod(month: 672)
  static let february = BillingPeriod(month: 673)
  static let march = BillingPeriod(month: 674)
}

/// An increment with short defaults.
func increment(
  _ tenant: String, _ hour: Hour, kind: UsageKind = .traffic, operation: String = "op",
  context: String = "", quantity: Int128 = 5, digest: UInt128 = 9
) -> RollupIncrement {
  RollupIncrement(
    subject: UsageSubject(
      tenant: tenant, kind: kind, operation: operation,
      contextType: context.isEmpty ? .other : .project, context: context),
    hour: hour,
    sums: UsageSums(
      count: 1, quantity: quantity, weighted: quantity * 2, byteMilliseconds: quantity * 1_000,
      digest: digest))
}

/// A late increment with short defaults.
func late(
  _ tenant: String, _ hour: Hour, bookedIn period: BillingPeriod, kind: UsageKind = .traffic,
  quantity: Int128 = 5
) -> AdjustmentIncrement {
  let usual = increment(tenant, hour, kind: kind, quantity: quantity)
  return AdjustmentIncrement(
    subject: usual.subject, originHour: hour, bookingStart: period.firstHour, sums: usual.sums)
}
