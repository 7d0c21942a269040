import Dedup
import SegmentLog
import Wire

@testable import Metering

/// A second, naive ledger: it keeps the history and folds it again whenever it forgets some of it.
struct LedgerModel {
  struct Payload: Hashable {
    var kind: UsageKind
    var operation: String
    var quantity: Int64
    var contextType: ContextType
    var context: String
  }

  struct Key: Hashable {
    var tenant: String
    var key: RecordKey
  }

  struct Batch {
    var batch: TestBatch
    var codes: [UInt8]
    var arrival: Int64
    var position: LogPosition
    var counts: VerdictCounts
  }

  enum Event {
    case batch(Batch)
    case finalized(String, PeriodBounds, LogPosition)
    /// A record by its serial number, and the one that takes its place.
    case corrected(Int, UsageRecord?, arrival: Int64, LogPosition)

    var position: LogPosition {
      switch self {
      case .batch(let batch): batch.position
      case .finalized(_, _, let position), .corrected(_, _, _, let position): position
      }
    }
  }

  /// A record that counts, or that did.
  struct Counted {
    var record: UsageRecord
    var weight: Int64
    var booking: Hour?
    var revision: UInt32 = 0
    var isVoid = false
  }

  let configuration: LedgerConfiguration
  let hasher: KeyHasher
  var history: [Event] = []
  var keys: [Key: Payload] = [:]
  var receipts: [SourceIdentity: [UInt64: Batch]] = [:]
  var finalized: [String: PeriodBounds] = [:]
  /// Every record that was ever counted, by its serial number.
  var counted: [Counted] = []
  var contexts: [String: Set<String>] = [:]
  var rows = PostgresModel.Rows()
  var accepted = 0

  init(configuration: LedgerConfiguration, secret: HashSecret) {
    self.configuration = configuration
    hasher = KeyHasher(secret)
  }

  /// Judges a new batch; the caller knows that it has no receipt.
  mutating func judge(_ batch: TestBatch, now: Int64) -> [UInt8] {
    var codes = batch.records.map { judge($0, now: now) }
    if batch.hasInvalid { codes.append(AckCode(rejected: .quantityNegative).rawValue) }
    return codes
  }

  mutating func note(_ batch: TestBatch, _ codes: [UInt8], now: Int64, position: LogPosition) {
    var counts = VerdictCounts()
    for code in codes { counts[AckCode(rawValue: code).verdict ?? .rejected] += 1 }
    let done = Batch(
      batch: batch, codes: codes, arrival: now, position: position, counts: counts)
    receipts[batch.source, default: [:]][batch.sequence] = done
    history.append(.batch(done))
  }

  /// What an ack calls missing: at most 16 ranges of sequences without a receipt.
  func gaps(of source: SourceIdentity) -> [ClosedRange<UInt64>] {
    let known = (receipts[source] ?? [:]).keys.sorted()
    let gaps = zip([0] + known, known).filter { $0 + 1 < $1 }.map { $0 + 1...$1 - 1 }
    return Array(gaps.prefix(16))
  }

  mutating func finalize(_ tenant: String, _ bounds: PeriodBounds, position: LogPosition) {
    finalized[tenant] = bounds
    history.append(.finalized(tenant, bounds, position))
  }

  /// Takes a record out, and another one in its place.
  mutating func correct(
    _ serial: Int, with replacement: UsageRecord?, now: Int64, position: LogPosition
  ) {
    var voided = counted[serial]
    counted[serial].isVoid = true
    let open = finalized[voided.record.tenant]?.end
    let place = voided.booking ?? Hour(containing: voided.record.time)
    if let open, place < open { voided.booking = open }
    add(voided, times: -1)
    if let replacement {
      keys[Key(tenant: replacement.tenant, key: replacement.key)] = Self.payload(replacement)
      book(replacement, revision: voided.revision + 1)
    }
    history.append(.corrected(serial, replacement, arrival: now, position))
  }

  /// Forgets everything behind the end of the log.
  mutating func crash(end: LogPosition) {
    let kept = history.filter { $0.position <= end }
    self = LedgerModel(self)
    for event in kept {
      switch event {
      case .batch(let batch):
        let codes = judge(batch.batch, now: batch.arrival)
        precondition(codes == batch.codes, "the model is not deterministic")
        note(batch.batch, codes, now: batch.arrival, position: batch.position)
      case .finalized(let tenant, let bounds, let position):
        finalize(tenant, bounds, position: position)
      case .corrected(let serial, let replacement, let arrival, let position):
        correct(serial, with: replacement, now: arrival, position: position)
      }
    }
  }

  private init(_ old: LedgerModel) {
    configuration = old.configuration
    hasher = old.hasher
  }

  private mutating func judge(_ record: UsageRecord, now: Int64) -> UInt8 {
    let payload = Self.payload(record)
    let key = Key(tenant: record.tenant, key: record.key)
    if let first = keys[key] {
      return (first == payload ? AckCode.duplicate : .conflict).rawValue
    }
    let time = record.time.milliseconds
    if time < now - configuration.acceptanceBack {
      return AckCode(rejected: .timeTooOld).rawValue
    }
    if time > now + configuration.acceptanceAhead { return AckCode(rejected: .timeAhead).rawValue }
    keys[key] = payload
    accepted += 1
    book(record, revision: 0)
    return (isLate(record) ? AckCode.late : .accepted).rawValue
  }

  private static func payload(_ record: UsageRecord) -> Payload {
    Payload(
      kind: record.kind, operation: record.operation, quantity: record.quantity,
      contextType: record.contextType, context: record.context)
  }

  private func isLate(_ record: UsageRecord) -> Bool {
    finalized[record.tenant].map { record.time < $0.end.start } ?? false
  }

  private mutating func book(_ record: UsageRecord, revision: UInt32) {
    var (type, context) = (record.contextType, record.context)
    let name = "\(type.rawValue)\(context)"
    if !(type == .other && context.isEmpty),
      !contexts[record.tenant, default: []].contains(name)
    {
      if contexts[record.tenant, default: []].count < configuration.contextsPerTenant {
        contexts[record.tenant, default: []].insert(name)
      } else {
        (type, context) = (.other, "(overflow)")
      }
    }
    let weight =
      record.kind == .compute
      ? configuration.weights.weight(
        in: configuration.weights.schedule(forOperation: record.operation),
        at: record.time.milliseconds) : 1
    var booked = record
    (booked.contextType, booked.context) = (type, context)
    let entry = Counted(
      record: booked, weight: weight,
      booking: isLate(record) ? finalized[record.tenant]?.end : nil, revision: revision)
    counted.append(entry)
    add(entry, times: 1)
  }

  private mutating func add(_ entry: Counted, times: Int) {
    let (record, time) = (entry.record, entry.record.time.milliseconds)
    let hour = time / 3_600_000
    let end = entry.booking?.start.milliseconds ?? (hour + 1) * 3_600_000
    let subject = UsageSubject(
      tenant: record.tenant, kind: record.kind, operation: record.operation,
      contextType: record.contextType, context: record.context)
    let digest = UInt128(
      digest(record, record.contextType, record.context, entry.weight))
    rows.add(
      PostgresModel.Key(subject: subject, hour: Hour(index: Int32(hour)), booking: entry.booking),
      UsageSums(
        count: Int64(times), quantity: Int128(record.quantity) * Int128(times),
        weighted: Int128(record.quantity) * Int128(entry.weight) * Int128(times),
        byteMilliseconds: record.kind == .storage
          ? Int128(record.quantity) * Int128(end - time) * Int128(times) : 0,
        digest: times > 0 ? digest : 0 &- digest))
  }

  private func digest(
    _ record: UsageRecord, _ type: ContextType, _ context: String, _ weight: Int64
  ) -> UInt64 {
    let tenant = Array(record.tenant.utf8)
    let operation = Array(record.operation.utf8)
    let typed = [type.rawValue] + Array(context.utf8)
    var key: [UInt8] = []
    var form: UInt8 = 0
    switch record.key {
    case .raw(let bits):
      key = (0..<16).map { UInt8(truncatingIfNeeded: bits >> UInt128(8 * $0)) }
    case .text(let text):
      key = Array(text.utf8)
      form = 1
    }
    let hash = hasher.hash(
      key: key.span.raw, form: form, in: hasher.scope(tenant: tenant.span.raw))
    let contextHash = hasher.word(of: typed.span.raw)
    var message: [UInt8] = []
    for word in [
      hash.high, hash.low,
      hasher.word(of: operation.span.raw) ^ (contextHash << 23 | contextHash >> 41),
      UInt64(bitPattern: record.time.milliseconds), UInt64(bitPattern: record.quantity),
    ] {
      message += (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    message.append(record.kind.rawValue)
    message += (0..<3).map { UInt8(truncatingIfNeeded: weight >> ($0 * 8)) }
    return hasher.word(of: message.span.raw)
  }
}
