public import SegmentLog
public import Wire

/// What the ledger asks of the shell, in order.
public enum LedgerAction: Sendable {
  /// Begin a new segment file with these bytes; everything that follows goes there.
  case openSegment(number: UInt64, header: [UInt8])
  /// Append this block to the segment and sync; then tell
  /// ``Ledger/synced(through:segmentSizes:)``.
  case append(LogBlock)
}

/// A block that is judged and chained, and not yet compressed.
public struct LogBlock: Sendable {
  /// Its place in the log.
  public let header: BlockHeader
  /// The raw section as words, lowest byte first.
  private let raw: [UInt64]
  private let columns: [UInt8]

  init(header: BlockHeader, raw: [UInt64], columns: [UInt8]) {
    self.header = header
    self.raw = raw
    self.columns = columns
  }

  /// Where the log ends with it.
  public var end: Checkpoint { header.end }

  /// Bytes that it takes before compression: at least what its encoding takes, but for some bytes.
  public var byteCount: Int { BlockHeader.byteCount + header.rawLength + header.columnsLength }

  /// Appends the bytes that stand in the segment.
  ///
  /// Complexity: linear; this is where compression happens.
  public func encode(with encoder: BlockEncoder, into output: inout [UInt8]) {
    encoder.append(header, raw: raw.span.raw, columns: columns.span.raw, to: &output)
  }
}

/// What became of one batch.
public struct BatchOutcome: Sendable {
  /// How the batch was taken.
  public enum Disposition: Sendable, Hashable {
    /// Judged now.
    case judged
    /// Judged before; the receipt is repeated.
    case resent
    /// Judged before; that it was is known, the receipt's details are no longer kept.
    case archived
    /// Another copy of it is being judged in the same group; that one is answered.
    case copy
    /// Refused as a whole; it has no receipt.
    case refused(RefusalReason)
  }

  /// The number of the frame in its group.
  public var frame: Int
  /// How the batch was taken.
  public var disposition: Disposition
  /// What the receipt says.
  public var receipt: Receipt
  /// Where the records that were not accepted stand in ``Ledger/exceptions``.
  public var exceptions: Range<Int>
  /// Where the sequences that the source issued and the ledger did not receive stand in
  /// ``Ledger/missing``.
  public var missing: Range<Int>
  /// The highest sequence that the source is known to have issued.
  public var highestKnown: UInt64
}

/// A record that was authentic and rejected, for the quarantine.
public struct QuarantinedRecord: Sendable, Hashable {
  /// Its batch's source.
  public var source: SourceIdentity
  /// Its batch's sequence.
  public var sequence: UInt64
  /// Its number in the batch.
  public var index: Int
  /// When the batch arrived.
  public var arrival: Timestamp
  /// Why it was rejected.
  public var reason: RejectionReason
  /// The tenant as presented, nil where it could not be read.
  public var tenant: String?
  /// The kind.
  public var kind: UsageKind?
  /// The operation as presented, nil where it could not be read.
  public var operation: String?
  /// The context's type and name as presented, nil without one.
  public var contextType: ContextType?
  /// The context's name as presented.
  public var context: String?
  /// The event time.
  public var time: Timestamp
  /// The quantity.
  public var quantity: Int64
  /// The idempotency key: text as it came, 16 raw bytes in hexadecimal with the prefix `0x`.
  public var key: String
}
