import CanonicalLoad
import EventLoop
import Server
import Wire

/// One connection to Redis.
struct RedisLoad {
  /// What a connection did.
  struct Outcome: Sendable {
    var records: Int64 = 0
    var fresh: Int64 = 0
    var seconds = 0.0
    /// Tenants whose sums were changed: a hash each.
    var tenants: Set<Int> = []
  }

  /// Records in one pipeline.
  static let batch = 1_000

  private(set) var outcome = Outcome()
  private var records: PeerRecords
  private let stream: BlockingStream
  private var output: [UInt8] = []
  /// The words of commands, made ahead: the hash of each tenant, and each field in it.
  private let hashes: [[UInt8]]
  private let fields: [[UInt8]]

  init(number: UInt64, port: UInt16) throws {
    records = PeerRecords(number: number)
    stream = try BlockingStream(port: port)
    let hour = EventLoop.wallMilliseconds() / 3_600_000
    hashes = (0..<CanonicalMix.tenantCount).map {
      Self.word("h:\(CanonicalMix.tenantName($0)):\(hour)")
    }
    fields = (0..<3 * Self.operations * Self.contexts).map {
      let operation = CanonicalMix.operationNames[$0 / Self.contexts % Self.operations]
      return Self.word(
        "\($0 / Self.contexts / Self.operations):\(operation):\($0 % Self.contexts)")
    }
  }

  private static let operations = CanonicalMix.operationNames.count
  private static let contexts = CanonicalMix.projectCount + 1

  private static func word(_ text: String) -> [UInt8] {
    Array("$\(text.utf8.count)\r\n\(text)\r\n".utf8)
  }

  /// Sends batches until the time is over: keys first, then the sums of the new ones together with
  /// the keys of the next batch.
  mutating func run(seconds: Double) throws {
    let started = EventLoop.monotonicNanoseconds()
    var fresh: [PeerRecord] = []
    while outcome.seconds < seconds {
      let batch = (0..<Self.batch).map { _ in records.next() }
      fresh = try exchange(sums: fresh, keys: batch)
      outcome.records += Int64(batch.count)
      outcome.fresh += Int64(fresh.count)
      outcome.seconds = Double(EventLoop.monotonicNanoseconds() - started) / 1e9
    }
    _ = try exchange(sums: fresh, keys: [])
  }

  /// - Returns: the records whose keys were not there.
  private mutating func exchange(
    sums: [PeerRecord], keys: [PeerRecord]
  ) throws -> [PeerRecord] {
    output.removeAll(keepingCapacity: true)
    for record in sums { appendSum(record) }
    for record in keys { appendKey(record) }
    try stream.write(output)
    for _ in sums { _ = try reply() }
    return try keys.filter { _ in try reply() == UInt8(ascii: "+") }
  }

  /// The answer to a command that gives a number.
  func integer(_ command: String) throws -> Int64 {
    try stream.write(Array("*1\r\n".utf8) + Self.word(command))
    let line = String(decoding: try stream.line(), as: UTF8.self)
    guard let value = Int64(line.dropFirst()) else {
      throw CommandFailure("Redis says \(line) to \(command)")
    }
    return value
  }

  /// The first character of the next answer.
  private func reply() throws -> UInt8 {
    let (first, isError) = try stream.skipLine()
    guard !isError else { throw CommandFailure("Redis answered with an error") }
    return first
  }

  private mutating func appendKey(_ record: PeerRecord) {
    output += Self.setCommand
    for place in 0..<16 { output.append(UInt8(truncatingIfNeeded: record.key >> (8 * place))) }
    output += Self.ifAbsent
  }

  private mutating func appendSum(_ record: PeerRecord) {
    let shape = record.shape
    outcome.tenants.insert(shape.tenant)
    output += Self.sumCommand
    output += hashes[shape.tenant]
    let field = (Int(shape.kind.rawValue) * Self.operations + shape.operation) * Self.contexts
    output += fields[field + shape.context]
    let digits = String(shape.quantity)
    output.append(UInt8(ascii: "$"))
    output += String(digits.utf8.count).utf8
    output += Self.lineEnd
    output += digits.utf8
    output += Self.lineEnd
  }

  private static let setCommand = Array("*4\r\n$3\r\nSET\r\n$17\r\nk".utf8)
  private static let ifAbsent = Array("\r\n$1\r\n1\r\n$2\r\nNX\r\n".utf8)
  private static let sumCommand = Array("*4\r\n$7\r\nHINCRBY\r\n".utf8)
  private static let lineEnd = Array("\r\n".utf8)
}
