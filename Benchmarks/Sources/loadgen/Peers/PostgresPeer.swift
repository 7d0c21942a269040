import CanonicalLoad
import EventLoop
import Foundation
import Postgres
import Server
import Wire

/// Postgres alone: records straight into a table, which knows duplicates by its primary key.
enum PostgresPeer: Peer {
  static let name = "postgres"
  static let programs = ["postgres"]
  private static let seconds = 8.0
  private static let batchRecords = 1_000
  /// Batches made ahead, so that the making takes no time from the measurement.
  private static let batches = 900

  static func measure() throws -> [PeerFigures] {
    var figures: [PeerFigures] = []
    for hourly in [false, true] {
      for connections in [1, 2] {
        figures.append(
          PeerFigures(
            name: "Postgres, \(hourly ? "hourly upsert, " : "")"
              + "\(connections) connection\(connections == 1 ? "" : "s")",
            recordsPerSecond: try rate(hourly: hourly, connections: connections),
            promises: PeerPromises(
              acks: true, durable: "each commit", deduplicates: true, sumsByHour: hourly),
            note: "prepared INSERT … SELECT FROM unnest(…) ON CONFLICT of \(batchRecords) records "
              + "sorted by key" + (hourly ? ", new ones summed by hour in the same statement" : ""))
        )
      }
    }
    return figures
  }

  /// What one connection did.
  private struct Outcome: Sendable {
    var records: Int64
    var fresh: Int64
    var seconds: Double
  }

  /// Batches as statements, and how many of their records are new until each.
  private struct Job: Sendable {
    var statements: [String] = []
    var fresh: [Int64] = []
  }

  private static func rate(hourly: Bool, connections: Int) throws -> Double {
    let postgres = try ScratchPostgres("postgres")
    try postgres.connect().run(script: tables)
    let jobs = (0..<connections).map { job(number: $0, batches: batches / connections) }
    let sessions = try (0..<connections).map { _ in Session(try postgres.connect()) }
    for session in sessions {
      try session.connection.execute(hourly ? prepareHourly : prepare)
    }
    let outcomes = try SideBySide.run(connections) { number in
      try run(jobs[number], on: sessions[number].connection)
    }
    try check(try postgres.connect(), hourly: hourly, fresh: outcomes.reduce(0) { $0 + $1.fresh })
    let longest = outcomes.map(\.seconds).max() ?? 0
    return Double(outcomes.reduce(0) { $0 + $1.records }) / max(longest, 0.001)
  }

  /// One thread uses a connection at a time.
  private struct Session: @unchecked Sendable {
    let connection: PostgresConnection
    init(_ connection: PostgresConnection) { self.connection = connection }
  }

  private static func run(_ job: Job, on connection: PostgresConnection) throws -> Outcome {
    let started = EventLoop.monotonicNanoseconds()
    var outcome = Outcome(records: 0, fresh: 0, seconds: 0)
    for (number, statement) in job.statements.enumerated() {
      try connection.run(script: statement)
      outcome.records += Int64(batchRecords)
      outcome.fresh = job.fresh[number]
      outcome.seconds = Double(EventLoop.monotonicNanoseconds() - started) / 1e9
      if outcome.seconds >= seconds { break }
    }
    return outcome
  }

  private static func check(
    _ connection: PostgresConnection, hourly: Bool, fresh: Int64
  ) throws {
    let query =
      hourly
      ? "SELECT (SELECT count(*) FROM usage), (SELECT sum(records)::bigint FROM usage_by_hour)"
      : "SELECT count(*), count(*) FROM usage"
    let row = try connection.execute(query)
    let stored: [Int64] = [try row.integer(0, 0), try row.integer(0, 1)]
    guard stored == [fresh, fresh] else {
      throw CommandFailure("\(fresh) new records were sent, Postgres has \(stored)")
    }
  }

  private static func job(number: Int, batches: Int) -> Job {
    var records = PeerRecords(number: UInt64(number))
    let time = EventLoop.wallMilliseconds()
    var job = Job()
    for _ in 0..<batches {
      var batch = (0..<batchRecords).map { _ in records.next() }
      batch.sort { $0.key < $1.key }
      job.statements.append(statement(batch, time))
      job.fresh.append(records.fresh)
    }
    return job
  }

  private static func statement(_ batch: [PeerRecord], _ time: Int64) -> String {
    func array(_ value: (PeerRecord) -> String) -> String {
      "'{" + batch.map(value).joined(separator: ",") + "}'"
    }
    let columns = [
      array { record in
        let digits = String(record.key, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
      },
      array { CanonicalMix.tenantName($0.shape.tenant) },
      array { String($0.shape.kind.rawValue) },
      array { CanonicalMix.operationNames[$0.shape.operation] },
      array { $0.shape.context == 0 ? "\"\"" : CanonicalMix.projectName($0.shape.context) },
      array { String(time + $0.shape.delay) },
      array { String($0.shape.quantity) },
    ]
    return "EXECUTE take(\(columns.joined(separator: ",")))"
  }

  private static let tables = """
    CREATE TABLE usage (
      key uuid PRIMARY KEY, tenant text NOT NULL, kind smallint NOT NULL, operation text NOT NULL,
      context text NOT NULL, at bigint NOT NULL, quantity bigint NOT NULL);
    CREATE TABLE usage_by_hour (
      tenant text, hour bigint, kind smallint, operation text, context text,
      records bigint NOT NULL, quantity numeric NOT NULL,
      PRIMARY KEY (tenant, hour, kind, operation, context));
    """

  private static let head =
    "PREPARE take(uuid[], text[], smallint[], text[], text[], bigint[], bigint[]) AS "
  private static let insert = """
    INSERT INTO usage SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
    """
  private static let prepare = head + insert
  private static let prepareHourly =
    head + """
      WITH fresh AS (\(insert)
        RETURNING tenant, at / 3600000 AS hour, kind, operation, context, quantity)
      INSERT INTO usage_by_hour AS known
      SELECT tenant, hour, kind, operation, context, count(*), sum(quantity) FROM fresh
      GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
      ON CONFLICT (tenant, hour, kind, operation, context) DO UPDATE
      SET records = known.records + excluded.records,
        quantity = known.quantity + excluded.quantity
      """
}
