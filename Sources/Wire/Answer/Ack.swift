/// An ack as a source reads it: the receipt of one batch.
public struct Ack: Sendable, Equatable {
  /// Records in a row with one verdict that is not `accepted`.
  public struct Run: Sendable, Hashable {
    /// The records, counted from 0 in the order of the batch.
    public var records: Range<Int>
    /// Their verdict.
    public var code: AckCode

    /// Records in a row with one verdict.
    public init(records: Range<Int>, code: AckCode) {
      self.records = records
      self.code = code
    }
  }

  /// The source and epoch that it is for.
  public var source: SourceIdentity
  /// Which batch it answers.
  public var header: AnswerHeader
  /// The installation that holds the receipt.
  public var installation: InstallationID
  /// What became of the batch.
  public var receipt: AckReceipt
  /// Records that are not accepted, ascending; empty when the receipt is archived.
  public var exceptions: [Run]
  /// Sequences that the service has not received, ascending.
  public var missing: [ClosedRange<UInt64>]

  /// Reads an ack whose tag is right.
  ///
  /// - Precondition: `header` was parsed from `frame` and its type is `ack`.
  public init(parsing frame: RawSpan, header: FrameHeader) throws(WireError) {
    precondition(header.type == .ack, "BUG: only an ack can be read as one")
    var reader = AnswerReader(frame, header)
    installation = try reader.installation()
    let flagsOffset = reader.offset
    let flags = try reader.byte()
    guard flags & ~(AckFlags.resent | AckFlags.archived) == 0 else {
      throw .malformedBody(offset: flagsOffset, .unknownCode(flags))
    }
    let received = UInt64(header.recordCount)
    var counts = VerdictCounts()
    for verdict in Verdict.allCases {
      counts[verdict] = UInt32(truncatingIfNeeded: try reader.varint(atMost: received))
    }
    receipt = AckReceipt(
      counts: counts, isResent: flags & AckFlags.resent != 0,
      isArchived: flags & AckFlags.archived != 0)
    receipt.received = UInt32(truncatingIfNeeded: received)
    let runsOffset = reader.offset
    exceptions = try Self.runs(&reader, received: received)
    guard Self.agree(receipt, exceptions, received: header.recordCount) else {
      throw .malformedBody(offset: runsOffset, .countsDisagree)
    }
    missing = try Self.missing(&reader, highest: header.highestSequence)
    try reader.finish()
    source = SourceIdentity(
      name: AnswerReader.sourceName(frame, header), epoch: header.epoch)
    self.header = AnswerHeader(answering: header, arrival: header.baseTime)
  }

  @_lifetime(reader: copy reader)
  private static func runs(
    _ reader: inout AnswerReader, received: UInt64
  ) throws(WireError) -> [Run] {
    var runs: [Run] = []
    var next: UInt64 = 0
    for _ in 0..<(try reader.varint(atMost: received)) {
      let start = next + (try reader.varint(atMost: received - next))
      let lengthOffset = reader.offset
      let length = try reader.varint(atMost: received - start)
      guard length > 0 else { throw .malformedBody(offset: lengthOffset, .numberOutOfRange(0)) }
      let codeOffset = reader.offset
      let code = AckCode(rawValue: try reader.byte())
      guard code.verdict != nil, code != .accepted else {
        throw .malformedBody(offset: codeOffset, .unknownCode(code.rawValue))
      }
      next = start + length
      runs.append(Run(records: Int(start)..<Int(next), code: code))
    }
    return runs
  }

  @_lifetime(reader: copy reader)
  private static func missing(
    _ reader: inout AnswerReader, highest: UInt64
  ) throws(WireError) -> [ClosedRange<UInt64>] {
    var ranges: [ClosedRange<UInt64>] = []
    var last: UInt64 = 0
    for _ in 0..<(try reader.varint(atMost: UInt64(WireLimits.maximumMissingRanges))) {
      let offset = reader.offset
      guard last < highest else {
        throw .malformedBody(offset: offset, .numberOutOfRange(last))
      }
      let first = last + 1 + (try reader.varint(atMost: highest - last - 1))
      last = first + (try reader.varint(atMost: highest - first))
      ranges.append(first...last)
    }
    return ranges
  }

  /// Whether counts add up and are those of the runs.
  private static func agree(_ receipt: AckReceipt, _ runs: [Run], received: Int) -> Bool {
    if receipt.isArchived, receipt.counts.total == 0 { return runs.isEmpty }
    guard receipt.counts.total == UInt64(received) else { return false }
    if receipt.isArchived { return runs.isEmpty }
    var counts = VerdictCounts()
    var excepted: UInt32 = 0
    for run in runs {
      guard let verdict = run.code.verdict else { return false }
      let length = UInt32(truncatingIfNeeded: run.records.count)
      counts[verdict] += length
      excepted += length
    }
    counts.accepted = UInt32(truncatingIfNeeded: received) - excepted
    return counts == receipt.counts
  }
}
