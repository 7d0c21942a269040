internal import Database
public import Metering
internal import SegmentLog
internal import Wire

/// One row of an export: values by the names of their columns.
public struct ExportRow: Sendable {
  /// Columns and values, in order. The columns are the same for all rows of a table.
  public private(set) var fields: [(name: String, value: String)] = []

  /// Columns whose values are numbers in JSON; all others are text, since sums have up to 128
  /// bits.
  private static let numbers: Set = ["records", "flush_id", "partition", "weight"]

  /// A row of `usage_hourly` or `usage_adjustments`, with the names of the columns in Postgres.
  ///
  /// - Parameter flush: the last flush that changed the row.
  public init(_ row: RollupRow, flush: Int64) {
    add("tenant", row.subject.tenant)
    if let booking = row.bookingStart { add("booking_period", booking.text) }
    add(row.table == .usage ? "hour" : "origin_hour", row.hour.text)
    add(row.subject)
    add("records", "\(row.sums.count)")
    add("quantity", "\(row.sums.quantity)")
    add("weighted", "\(row.sums.weighted)")
    add("byte_milliseconds", "\(row.sums.byteMilliseconds)")
    add("digest", "\(row.sums.digest)")
    add("flush_id", "\(flush)")
  }

  /// A record of the log of a partition.
  public init(_ record: LoggedRecord, partition: UInt16) {
    add("partition", "\(partition)")
    add("position", "\(record.position.rawValue)")
    add("verdict", record.verdict.name)
    add("tenant", record.record.tenant)
    switch record.record.key {
    case .raw(let bits):
      add("key_form", "raw")
      add("key", Hexadecimal.text(of: bits))
    case .text(let text):
      add("key_form", "text")
      add("key", text)
    }
    add("time", record.record.time.text)
    add("arrival", record.arrival.text)
    add(
      UsageSubject(
        tenant: record.record.tenant, kind: record.record.kind, operation: record.record.operation,
        contextType: record.record.contextType, context: record.record.context))
    add("records", "\(record.sums.count)")
    add("quantity", "\(record.sums.quantity)")
    add("weight", "\(record.booked.weight)")
    add("weighted", "\(record.sums.weighted)")
    add("byte_milliseconds", "\(record.sums.byteMilliseconds)")
    add("booked_in", record.booked.bookingStart?.text ?? "")
    add(record.origin)
  }

  /// How a record came into the log: by which batch, or by which correction.
  private mutating func add(_ origin: LoggedRecord.Origin) {
    var (name, source, epoch, sequence, about) = ("sent", "", "", "", "")
    switch origin {
    case .batch(let identity, let number):
      (source, epoch, sequence) = (identity.name, "\(identity.epoch)", "\(number)")
    case .added(.record(let position), _): (name, about) = ("amended", "\(position.rawValue)")
    case .added(.quarantined(let number), _): (name, about) = ("replayed", "\(number)")
    case .voided(let position): (name, about) = ("voided", "\(position.rawValue)")
    }
    add("origin", name)
    add("source", source)
    add("epoch", epoch)
    add("sequence", sequence)
    add("corrects", about)
  }

  /// The names of the columns.
  public var columns: [String] { fields.map(\.name) }

  /// The values in the order of the columns.
  public var values: [String] { fields.map(\.value) }

  /// One object on one line, without a line break.
  public var json: String {
    let members = fields.map { name, value in
      "\"\(name)\":" + (Self.numbers.contains(name) ? value : JSONText.quoted(value))
    }
    return "{\(members.joined(separator: ","))}"
  }

  private mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

  private mutating func add(_ subject: UsageSubject) {
    add("kind", subject.kind.name)
    add("operation", subject.operation)
    add("context_type", subject.contextType.name)
    add("context", subject.context)
  }
}
