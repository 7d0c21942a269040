import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Database

/// Runs the statements of the article "A consumer" as they stand there.
@Suite("Sample consumer")
struct SampleConsumerTests {
  private static let article = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources/Database/Database.docc/Consumer.md")

  /// The three blocks of SQL: its own tables, a poll, an invoice.
  private func blocks() throws -> [String] {
    let text = try String(contentsOf: Self.article, encoding: .utf8)
    let parts = text.components(separatedBy: "```sql\n").dropFirst()
    return try parts.map { try #require($0.components(separatedBy: "\n```").first) }
  }

  private func consumer(_ scratch: ScratchDatabase) throws -> PostgresConnection {
    let administrator = try scratch.administrator()
    let login = "\(scratch.name)_consumer"
    try administrator.execute("CREATE ROLE \(login) LOGIN IN ROLE weighbridge_reader")
    try administrator.execute("CREATE SCHEMA invoicing AUTHORIZATION \(login)")
    return try PostgresConnection(scratch.settings(user: login))
  }

  @Test("invoices are the sums of the tables times the rates, also after late usage")
  func invoices() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    let connection = try consumer(scratch)
    let blocks = try blocks()
    try #require(blocks.count == 3)
    try connection.run(script: blocks[0])
    try connection.run(
      script: """
        INSERT INTO invoicing.rates VALUES
          ('traffic', '*', '2026-01-01T00:00Z', 3, 7), ('traffic', '*', '2026-02-01T00:00Z', 4, 7),
          ('compute', '*', '2026-01-01T00:00Z', 5, 1), ('compute', 'x', '2026-01-01T00:00Z', 6, 1),
          ('storage', '*', '2026-01-01T00:00Z', 1, 1000)
        """)
    let january = Months.january.firstHour
    let february = Months.february.firstHour
    var maker = BatchMaker()
    func invoice(_ name: String) throws -> [String] {
      let rows = try connection.execute(blocks[2], ["a", name])
      return (0..<rows.count).map { row in
        (0..<6).map { rows.text(row, $0) }.joined(separator: " ")
      }
    }
    func storage(_ hour: Hour, _ quantity: Int128) -> RollupIncrement {
      increment("a", hour, kind: .storage, quantity: quantity)
    }
    _ = try database.flush(
      maker.next(
        rollups: [
          increment("a", january, quantity: 10), storage(january, 2),
          increment("a", january, kind: .compute, operation: "x", quantity: 4),
          increment("a", january, kind: .compute, operation: "y", quantity: 4),
        ], closedHours: [january]))
    try connection.run(script: blocks[1])
    // A closed hour changes, and the month ends.
    _ = try database.flush(maker.next(rollups: [increment("a", january, quantity: 5)]))
    try connection.run(script: blocks[1])
    _ = try database.flush(
      maker.next(closedHours: [Months.january.lastHour], finalizing: [("a", Months.january)]))
    #expect(try invoice("2026-02").isEmpty, "an open period has no invoice")
    try connection.run(script: blocks[1])
    // The first hour's own byte-milliseconds are 1,000 times the quantity here.
    let ofJanuary = 2 * 3_600_000 * (31 * 24 - 1) + 2_000
    #expect(
      try invoice("2026-01") == [
        "compute x 8 6 1 48", "compute y 8 5 1 40",
        "storage * \(ofJanuary) 1 1000 \(ofJanuary / 1_000)", "traffic op 30 3 7 12",
      ])
    // Late usage of January is charged with February, at January's rate.
    var lost = late("a", january, bookedIn: Months.february, kind: .storage, quantity: 3)
    lost.sums.byteMilliseconds = 7_000
    _ = try database.flush(
      maker.next(
        rollups: [increment("a", february, quantity: 2)],
        adjustments: [late("a", january, bookedIn: Months.february, quantity: -3), lost],
        closedHours: [Months.february.lastHour], finalizing: [("a", Months.february)]))
    for _ in 0..<2 { try connection.run(script: blocks[1]) }
    let ofFebruary = 5 * 3_600_000 * 28 * 24 + 7_000
    #expect(
      try invoice("2026-02") == [
        "storage * \(ofFebruary) 1 1000 \(ofFebruary / 1_000)", "traffic op -6 3 7 -2",
        "traffic op 4 4 7 2",
      ])
    let progress = try connection.execute("SELECT flush_id FROM invoicing.progress")
    #expect(progress.text(0, 0) == "4")
  }
}
