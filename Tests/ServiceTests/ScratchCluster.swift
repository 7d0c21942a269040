import Database
import Foundation
import Metering
import Postgres
import Synchronization

/// One Postgres for all tests of this module, made at first use and removed when the process ends.
enum ScratchCluster {
  /// The directory of everything that these tests write.
  static let root: String = {
    let path = "/tmp/weighbridge-test-s\(getpid())"
    try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    atexit { ScratchCluster.remove() }
    return path
  }()

  static let login = "weighbridge_test_service"

  static let shared: PrivateCluster = {
    do {
      return try PrivateCluster.start(folder: "\(root)/postgres")
    } catch {
      fatalError("the tests need PostgreSQL: \(error)")
    }
  }()

  private static func remove() {
    if FileManager.default.fileExists(atPath: "\(root)/postgres") { try? shared.stop() }
    try? FileManager.default.removeItem(atPath: root)
  }
}

/// A migrated database of its own for each test.
struct ScratchDatabase {
  private static let counter = Atomic<Int>(0)
  let name: String
  private let cluster: PrivateCluster

  /// A database in a cluster that other tests use too, or in one of the test's own.
  init(in cluster: PrivateCluster = ScratchCluster.shared) throws {
    self.cluster = cluster
    name = "service_\(Self.counter.wrappingAdd(1, ordering: .relaxed).newValue)"
    let server = try PostgresConnection(
      ConnectionSettings(
        cluster.connectionString(user: PrivateCluster.administrator)))
    try server.execute("CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8'")
    try DatabaseSchema.migrate(on: try administrator(), serviceLogin: ScratchCluster.login)
  }

  var serviceURL: String {
    cluster.connectionString(user: ScratchCluster.login, database: name)
  }

  func administrator() throws -> PostgresConnection {
    try PostgresConnection(
      ConnectionSettings(
        cluster.connectionString(user: PrivateCluster.administrator, database: name)))
  }

  /// Number of records and sum of quantities over all rollups and adjustments.
  func totals() throws -> (records: Int64, quantity: Int64) {
    let rows = try administrator().execute(
      """
      SELECT coalesce(sum(records), 0)::bigint, coalesce(sum(quantity), 0)::bigint FROM (
        SELECT records, quantity FROM weighbridge.usage_hourly
        UNION ALL SELECT records, quantity FROM weighbridge.usage_adjustments) AS usage
      """)
    return (try rows.integer(0, 0), try rows.integer(0, 1))
  }
}
