/// Builds the frames of one source: usage frames, record by record, and heartbeats.
///
/// Names are written once per frame. The first record's time is the base time.
public struct FrameEncoder: Sendable {
  /// What became of a record that was to be appended.
  public enum Outcome: Sendable, Equatable {
    /// It is in the frame.
    case appended
    /// It finds no room: finish the frame and append it to the next one.
    case full
    /// The service would reject it, so that it is in no frame.
    case rejected(RejectionReason)
  }

  /// The source and epoch of every frame.
  public let source: SourceIdentity
  /// The key that makes the tags.
  public let keyID: KeyID
  /// The longest usage frame in bytes, tag included.
  public let maximumLength: Int
  /// Records in the frame under construction.
  public private(set) var recordCount = 0

  private let limits: WireLimits
  private var tenants = NameInterner(hasTypes: false)
  private var operations = NameInterner(hasTypes: false)
  private var contexts = NameInterner(hasTypes: true)
  private var records: [UInt8] = []
  private var baseTime = Timestamp(milliseconds: 0)

  /// The least that ``maximumLength`` may be, so that every valid record fits an empty frame:
  /// header, source, tag, three names and a record of the greatest size.
  public static let minimumMaximumLength = 1_200

  /// An encoder for one source.
  ///
  /// - Parameters:
  ///   - source: its name, 1 to 64 characters of `A–Z a–z 0–9 . _ : / -`, and epoch.
  ///   - keyID: the key that makes the tags.
  ///   - maximumLength: the longest usage frame in bytes, 1,200 to the limit.
  ///   - limits: what the service takes.
  public init(
    source: SourceIdentity, keyID: KeyID,
    maximumLength: Int = WireLimits.defaultDatagramLength, limits: WireLimits = .standard
  ) throws(WireError) {
    let name = source.name.utf8
    guard name.count >= 1, name.count <= WireLimits.maximumSourceLength else {
      throw .sourceLengthInvalid(found: name.count, allowed: 1...WireLimits.maximumSourceLength)
    }
    for (index, byte) in name.enumerated() where !SourceIdentity.allows(byte) {
      throw .sourceCharacterInvalid(offset: FrameHeader.byteCount + index, found: byte)
    }
    guard maximumLength >= Self.minimumMaximumLength else {
      throw .frameTooShort(found: maximumLength, minimum: Self.minimumMaximumLength)
    }
    guard maximumLength <= limits.maximumFrameLength else {
      throw .frameTooLong(found: maximumLength, maximum: limits.maximumFrameLength)
    }
    self.source = source
    self.keyID = keyID
    self.maximumLength = maximumLength
    self.limits = limits
  }

  /// Whether no record is in the frame under construction.
  public var isEmpty: Bool { recordCount == 0 }

  /// Bytes that records and names may still take in the frame under construction.
  public var remainingByteCount: Int {
    maximumLength - FrameHeader.byteCount - source.name.utf8.count - bodyLength
      - FrameHeader.tagLength
  }

  /// Appends a record to the frame under construction.
  public mutating func append(_ record: UsageRecord) -> Outcome {
    if let reason = record.fault { return .rejected(reason) }
    guard recordCount < limits.maximumRecordsPerFrame else { return .full }
    let hasContext = !(record.contextType == .other && record.context.isEmpty)
    let tenant = tenants.slot(record.tenant, type: 0)
    let operation = operations.slot(record.operation, type: 0)
    let context =
      hasContext ? contexts.slot(record.context, type: record.contextType.rawValue) : nil
    if isEmpty { baseTime = record.time }
    let fields: InlineArray<5, UInt64> = [
      UInt64(tenant.entry), UInt64(operation.entry), context.map { UInt64($0.entry) + 1 } ?? 0,
      // Both times lie between 1970 and 9999.
      Varint.zigzag(record.time.milliseconds - baseTime.milliseconds),
      Varint.zigzag(record.quantity),
    ]
    var size = 1 + tenant.growth + operation.growth + (context?.growth ?? 0)
    for index in fields.indices { size += Varint.byteCount(fields[index]) }
    switch record.key {
    case .raw: size += 16
    case .text(let text): size += 1 + text.utf8.count
    }
    guard size <= remainingByteCount else { return .full }
    tenants.add(record.tenant, type: 0, at: tenant)
    operations.add(record.operation, type: 0, at: operation)
    if let context {
      contexts.add(record.context, type: record.contextType.rawValue, at: context)
    }
    appendRecord(record, fields: fields)
    return .appended
  }

  /// Ends the frame under construction, appends it to the output and begins the next one.
  ///
  /// - Parameters:
  ///   - sequence: the number of the batch, from 1.
  ///   - highestSequence: the highest number given out, at least `sequence`.
  ///   - output: where the frame goes.
  ///   - tag: makes the tag over the bytes before it; not called without a key.
  /// - Precondition: the frame holds a record.
  public mutating func finish(
    sequence: UInt64, highestSequence: UInt64, to output: inout [UInt8],
    tag: (RawSpan) -> UInt128
  ) {
    precondition(
      !isEmpty && sequence > 0 && highestSequence >= sequence,
      "BUG: a batch holds a record and is numbered from 1")
    var header = FrameHeader(
      type: .usage, sourceLength: source.name.utf8.count, keyID: keyID, epoch: source.epoch,
      sequence: sequence, highestSequence: highestSequence, baseTime: baseTime,
      recordCount: recordCount, bodyLength: bodyLength)
    header.tenantCount = tenants.count
    header.operationCount = operations.count
    header.contextCount = contexts.count
    header.length = max(header.length, WireLimits.minimumClientFrameLength)
    header.appendFrame(to: &output, source: Array(source.name.utf8).span.raw, tag: tag) { writer in
      writer.put(tenants.bytes.span.raw)
      writer.put(operations.bytes.span.raw)
      writer.put(contexts.bytes.span.raw)
      writer.put(records.span.raw)
    }
    removeAll()
  }

  /// Drops the records of the frame under construction.
  public mutating func removeAll() {
    tenants.removeAll()
    operations.removeAll()
    contexts.removeAll()
    records.removeAll(keepingCapacity: true)
    recordCount = 0
  }

  /// Appends a heartbeat to the output; the frame under construction stays as it is.
  ///
  /// - Parameters:
  ///   - highestSequence: the highest number given out in the epoch.
  ///   - time: the clock of the source.
  ///   - output: where the frame goes.
  ///   - tag: makes the tag over the bytes before it; not called without a key.
  public func appendHeartbeat(
    highestSequence: UInt64, time: Timestamp, to output: inout [UInt8],
    tag: (RawSpan) -> UInt128
  ) {
    var header = FrameHeader(
      type: .heartbeat, sourceLength: source.name.utf8.count, keyID: keyID, epoch: source.epoch,
      sequence: 0, highestSequence: highestSequence, baseTime: time, recordCount: 0,
      bodyLength: 0)
    header.length = WireLimits.minimumClientFrameLength
    header.appendFrame(to: &output, source: Array(source.name.utf8).span.raw, tag: tag) { _ in }
  }

  private var bodyLength: Int {
    tenants.bytes.count + operations.bytes.count + contexts.bytes.count + records.count
  }

  private mutating func appendRecord(_ record: UsageRecord, fields: InlineArray<5, UInt64>) {
    let isText: UInt8
    switch record.key {
    case .raw: isText = 0
    case .text: isText = 4
    }
    records.append(record.kind.rawValue | isText)
    for index in fields.indices { Varint.append(fields[index], to: &records) }
    switch record.key {
    case .raw(let bits):
      for index in 0..<16 {
        records.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt128(index))))
      }
    case .text(let text):
      records.append(UInt8(truncatingIfNeeded: text.utf8.count))
      records.append(contentsOf: text.utf8)
    }
    recordCount += 1
  }
}
