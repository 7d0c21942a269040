/// The records of one batch that are not accepted, as the runs of an ack.
///
/// The bytes are those of the wire, so that they can be kept beside a receipt and be sent again as
/// they are. A value can be used for one batch after the other without allocating.
public struct AckExceptions: Sendable, Equatable {
  /// The finished runs as they stand in an ack.
  public private(set) var bytes: [UInt8] = []
  private var lastEnd = 0
  private var runStart = 0
  private var runLength = 0
  private var runCode: UInt8 = 0

  /// No exceptions.
  public init() {}

  /// Exceptions of these codes, one for each record of the batch in order.
  public init(codes: Span<UInt8>) {
    append(codes: codes)
  }

  /// Number of runs in finished ``bytes``; other bytes are a bug.
  static func runCount(of bytes: Span<UInt8>) -> Int {
    var runCount = 0
    var offset = 0
    // A run is two varints and a code.
    while offset < bytes.count {
      for _ in 0..<2 {
        while offset < bytes.count, bytes[offset] >= 0x80 { offset += 1 }
        offset += 1
      }
      offset += 1
      runCount += 1
    }
    precondition(offset == bytes.count, "BUG: bytes that are no finished runs of an ack")
    return runCount
  }

  /// Spreads finished runs over the codes of a batch's records.
  ///
  /// - Parameters:
  ///   - bytes: the runs; other bytes are a bug.
  ///   - codes: a raw ``AckCode`` for each record of the batch, accepted before its run is spread.
  /// - Returns: false if a run reaches beyond the batch, or over a record with another code.
  public static func spread(_ bytes: ArraySlice<UInt8>, over codes: inout [UInt8]) -> Bool {
    var rest = bytes
    func number() -> Int {
      var (value, shift) = (0, 0)
      while let byte = rest.popFirst() {
        value |= Int(byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    var start = 0
    while !rest.isEmpty {
      start += number()
      let end = start + number()
      guard let code = rest.popFirst() else {
        preconditionFailure("BUG: bytes that are no finished runs of an ack")
      }
      guard end <= codes.count else { return false }
      for record in start..<end {
        guard codes[record] == AckCode.accepted.rawValue else { return false }
        codes[record] = code
      }
      start = end
    }
    return true
  }

  /// Whether every record is accepted.
  public var isEmpty: Bool { bytes.isEmpty && runLength == 0 }

  /// Forgets all runs and keeps the capacity.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    (lastEnd, runStart, runLength, runCode) = (0, 0, 0, 0)
  }

  /// Notes the verdict on one record.
  ///
  /// - Precondition: the indices of a batch ascend; the code is not that of accepted.
  @inline(__always)
  public mutating func append(_ record: Int, _ code: AckCode) {
    if code.rawValue == runCode, record == runStart &+ runLength {
      runLength &+= 1
    } else {
      begin(record, code)
    }
  }

  /// Notes the verdicts on all records of a batch: one raw ``AckCode`` each.
  public mutating func append(codes: Span<UInt8>) {
    for index in codes.indices where codes[index] != AckCode.accepted.rawValue {
      append(index, AckCode(rawValue: codes[index]))
    }
    finish()
  }

  /// Writes the run that is still open. Call it after the last record of the batch.
  public mutating func finish() {
    guard runLength > 0 else { return }
    Varint.append(UInt64(runStart - lastEnd), to: &bytes)
    Varint.append(UInt64(runLength), to: &bytes)
    bytes.append(runCode)
    lastEnd = runStart + runLength
    (runLength, runCode) = (0, 0)
  }

  private mutating func begin(_ record: Int, _ code: AckCode) {
    finish()
    precondition(
      record >= lastEnd && code.verdict != nil && code != .accepted,
      "BUG: exceptions of an ack ascend and have a code")
    (runStart, runLength, runCode) = (record, 1, code.rawValue)
  }
}
