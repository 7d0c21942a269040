import Foundation

@testable import Postgres

/// A cluster for the tests of this module, made at first use and removed when the process ends.
enum ScratchCluster {
  static let folder = "/tmp/weighbridge-test-p\(getpid())"

  static let shared: PrivateCluster = {
    do {
      let cluster = try PrivateCluster.start(folder: folder)
      atexit { ScratchCluster.remove() }
      return cluster
    } catch {
      fatalError("the tests need PostgreSQL: \(error)")
    }
  }()

  static func connect(statementTimeoutMilliseconds: Int = 60_000) throws -> PostgresConnection {
    try PostgresConnection(
      ConnectionSettings(
        shared.connectionString(user: PrivateCluster.administrator),
        statementTimeoutMilliseconds: statementTimeoutMilliseconds))
  }

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

/// A generator whose sequence is fixed by its seed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
