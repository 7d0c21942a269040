/// What became of a batch, as its ack says it.
public struct AckReceipt: Sendable, Hashable {
  /// Number of records in the batch, at least one.
  public var received: UInt32
  /// How many records got each verdict; all 0 in an archived receipt whose counts are no longer
  /// kept, and otherwise ``received`` in all.
  public var counts: VerdictCounts
  /// Whether the batch had a receipt already, which is repeated.
  public var isResent: Bool
  /// Whether the verdicts of single records are no longer kept.
  public var isArchived: Bool

  /// What became of a batch; the counts add up to its records.
  public init(counts: VerdictCounts, isResent: Bool = false, isArchived: Bool = false) {
    received = UInt32(truncatingIfNeeded: counts.total)
    self.counts = counts
    self.isResent = isResent
    self.isArchived = isArchived
  }

  /// A receipt of which nothing is known but that it is there.
  public init(archivedBatchOf received: Int) {
    self.received = UInt32(truncatingIfNeeded: received)
    counts = VerdictCounts()
    isResent = true
    isArchived = true
  }
}

/// The bits of the flags of an ack.
enum AckFlags {
  static let resent: UInt8 = 1
  static let archived: UInt8 = 2
}

extension VerdictCounts {
  /// Bytes of the five varints.
  var encodedByteCount: Int {
    Varint.byteCount(UInt64(accepted)) + Varint.byteCount(UInt64(duplicate))
      + Varint.byteCount(UInt64(conflict)) + Varint.byteCount(UInt64(late))
      + Varint.byteCount(UInt64(rejected))
  }

  /// Writes the five varints.
  func encode(to writer: inout ByteWriter) {
    writer.put(varint: UInt64(accepted))
    writer.put(varint: UInt64(duplicate))
    writer.put(varint: UInt64(conflict))
    writer.put(varint: UInt64(late))
    writer.put(varint: UInt64(rejected))
  }
}
