internal import CanonicalLoad
internal import Database
internal import Foundation
internal import Metering
internal import Postgres
internal import SealedKeys
internal import SegmentLog
internal import Wire

/// A flush into a Postgres of its own. The rows are new the first time and changed from then on.
final class FlushStage: StageBody {
  private let cluster: PrivateCluster
  private let folder: String
  private let database: RollupDatabase
  private var next: FlushBatch
  private var lock: LockCost

  var measures: [Measure] { lock.measures }

  init(_ size: Stage.Size) throws {
    folder =
      FileManager.default.temporaryDirectory.appending(path: "weighbridge-stages.\(getpid())").path
    try? FileManager.default.removeItem(atPath: folder)
    cluster = try PrivateCluster.start(folder: folder)
    let login = "weighbridge"
    let administrator = try PostgresConnection(
      ConnectionSettings(cluster.connectionString(user: PrivateCluster.administrator)))
    try DatabaseSchema.migrate(on: administrator, serviceLogin: login)
    database = try RollupDatabase(ConnectionSettings(cluster.connectionString(user: login)))
    next = FlushBatch(
      installation: InstallationID(bits: 42), partition: 0, token: 1, from: .beginning,
      to: .beginning, records: 0, rollups: Self.rows(size == .full ? 1_000 : 4), adjustments: [],
      closedHours: [], finalizations: [])
    lock = LockCost(administrator)
    try measureLock(isSmall: size == .smoke)
  }

  private func measureLock(isSmall: Bool) throws {
    let rows = next.rollups.count
    try lock.measure("\(rows) new rows", isSmall: isSmall) {
      for place in next.rollups.indices { next.rollups[place].hour.index += 2 }
      _ = try batch()
    }
    try lock.measure("\(rows) rows that are there", isSmall: isSmall) { _ = try batch() }
  }

  deinit {
    try? cluster.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }

  func batch() throws -> Int {
    next.token += 1
    next.from = next.to
    next.to = Checkpoint(
      position: LogPosition(next.from.position.rawValue + 1_000_000), chain: UInt64(next.token))
    next.records = Int64(next.rollups.count)
    _ = try database.flush(next)
    return next.rollups.count
  }

  /// 100 rows for each tenant, in the order that a flush has.
  private static func rows(_ tenants: Int) -> [RollupIncrement] {
    let names = (0..<tenants).map { CanonicalMix.tenantName($0) }
    let sorted = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    let operations = CanonicalMix.operationNames.sorted()
    let hour = Hour(containing: Timestamp(milliseconds: FrameSource.start))
    var rows: [RollupIncrement] = []
    for tenant in sorted {
      for offset in 0..<2 {
        for operation in operations {
          let subject = UsageSubject(
            tenant: tenant, kind: .compute, operation: operation, contextType: .project,
            context: CanonicalMix.projectName(1 + rows.count % 9))
          rows.append(
            RollupIncrement(
              subject: subject, hour: Hour(index: hour.index + Int32(offset)),
              sums: UsageSums(
                count: 1, quantity: Int128(rows.count), weighted: Int128(3 * rows.count),
                byteMilliseconds: 0, digest: UInt128(rows.count) << 64)))
        }
      }
    }
    return rows
  }
}
