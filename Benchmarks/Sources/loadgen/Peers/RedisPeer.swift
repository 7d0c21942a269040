import CDatagrams
import Glibc
import Server

/// Redis: a key for each record that is set if it is not there, and a field for each hourly sum.
enum RedisPeer: Peer {
  static let name = "redis"
  static let programs = ["redis-server"]
  private static let port: UInt16 = 16_379
  private static let seconds = 6.0
  private static let connections = 2

  static func measure() throws -> [PeerFigures] {
    try ["everysec", "always"].map { policy in
      PeerFigures(
        name: "Redis, appendfsync \(policy)", recordsPerSecond: try rate(policy),
        promises: PeerPromises(
          acks: true, durable: policy == "always" ? "each answer" : "within about 2 s",
          deduplicates: true, sumsByHour: true),
        note: "SET NX, then HINCRBY of the new ones, \(RedisLoad.batch) records in a pipeline, "
          + "\(connections) connections; all keys in memory, no window")
    }
  }

  private static func rate(_ policy: String) throws -> Double {
    let scratch = try ScratchDirectory("redis")
    let program = try ScratchProgram(
      "redis-server",
      [
        "--port", "\(port)", "--bind", "127.0.0.1", "--dir", scratch.path, "--save", "",
        "--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0",
        "--daemonize", "no",
      ], in: scratch)
    try program.awaitPort(port, .tcp)
    if let core = Cores.shared.receiver { _ = lg_pin(program.identifier, core) }
    let loads = try SideBySide.run(connections) { number in
      var load = try RedisLoad(number: UInt64(number), port: port)
      try load.run(seconds: seconds)
      return load.outcome
    }
    guard program.isRunning else {
      throw CommandFailure("Redis ended: \(program.output.suffix(900))")
    }
    let probe = try RedisLoad(number: 99, port: port)
    let keys = try probe.integer("DBSIZE")
    try program.stop()
    let fresh = loads.reduce(0) { $0 + $1.fresh }
    let hashes = loads.reduce(into: Set<Int>()) { $0.formUnion($1.tenants) }.count
    guard keys == fresh + Int64(hashes) else {
      throw CommandFailure("Redis has \(keys) keys, not \(fresh) and \(hashes) hashes")
    }
    let longest = loads.map(\.seconds).max() ?? 0
    return Double(loads.reduce(0) { $0 + $1.records }) / max(longest, 0.001)
  }
}
