/// Writes the acks and refusals of one installation.
///
/// Nothing is allocated but the growth of the output. An answer is never longer than the frame
/// that it answers.
public struct AnswerEncoder: Sendable {
  /// The installation that every answer names.
  public let installation: InstallationID

  /// An encoder for an installation.
  public init(installation: InstallationID) {
    self.installation = installation
  }

  /// Appends a refusal.
  ///
  /// - Parameters:
  ///   - header: which frame it answers.
  ///   - source: the source name of that frame, 1 to 64 bytes.
  ///   - reason: why the batch was not taken.
  ///   - retryAfter: milliseconds that the source should wait; 0 where a retry is of no use.
  ///   - output: where the frame goes.
  ///   - tag: makes the tag over the bytes before it; not called without a key.
  public func appendRefusal(
    _ header: AnswerHeader, source: RawSpan, reason: RefusalReason, retryAfter: UInt32,
    to output: inout [UInt8], tag: (RawSpan) -> UInt128
  ) {
    let body = 17 + Varint.byteCount(UInt64(retryAfter))
    frame(.refusal, header, source: source, recordCount: 0, bodyLength: body)
      .appendFrame(to: &output, source: source, tag: tag) { writer in
        writer.put(installation.bits)
        writer.put(reason.rawValue)
        writer.put(varint: UInt64(retryAfter))
      }
  }

  /// Appends the ack of a batch.
  ///
  /// Missing ranges that find no room, or are more than ``WireLimits/maximumMissingRanges``, are
  /// left out. If the exceptions find no room, which can only be in a resent batch that is not the
  /// one that was judged, the ack says `archived` instead.
  ///
  /// - Parameters:
  ///   - header: which batch it answers.
  ///   - source: the source name of the batch, 1 to 64 bytes.
  ///   - receipt: what became of the batch.
  ///   - exceptions: its records that are not accepted, as ``AckExceptions/bytes`` that are
  ///     finished; they agree with the counts.
  ///   - missing: sequences that were not received: ascending, from 1 to the highest one.
  ///   - limit: bytes of the frame that is answered, at least 192.
  ///   - output: where the frame goes.
  ///   - tag: makes the tag over the bytes before it; not called without a key.
  public func appendAck(
    _ header: AnswerHeader, source: RawSpan, receipt: AckReceipt, exceptions: Span<UInt8>,
    missing: Span<ClosedRange<UInt64>>, limit: Int, to output: inout [UInt8],
    tag: (RawSpan) -> UInt128
  ) {
    precondition(
      receipt.received >= 1 && receipt.received <= WireLimits.mostRecords
        && (receipt.counts.total == receipt.received
          || receipt.isArchived && receipt.counts.total == 0),
      "BUG: a receipt is of a whole batch")
    precondition(
      limit >= WireLimits.minimumClientFrameLength, "BUG: no frame of a source is that short")
    var flags: UInt8 = receipt.isResent ? AckFlags.resent : 0
    var room =
      limit - FrameHeader.byteCount - source.byteCount - FrameHeader.tagLength
      - 17 - receipt.counts.encodedByteCount
    var runCount = AckExceptions.runCount(of: exceptions)
    // One byte for the number of missing ranges, which is at most 16.
    let runBytes = Varint.byteCount(UInt64(runCount)) + exceptions.count
    if receipt.isArchived || runBytes + 1 > room {
      flags |= AckFlags.archived
      runCount = 0
      room -= 2
    } else {
      room -= runBytes + 1
    }
    let (ranges, rangeBytes) = Self.fitting(missing, room: room)
    let used = room - rangeBytes
    let body =
      limit - used - FrameHeader.byteCount - source.byteCount - FrameHeader.tagLength
    frame(
      .ack, header, source: source, recordCount: Int(receipt.received), bodyLength: body
    ).appendFrame(to: &output, source: source, tag: tag) { writer in
      writer.put(installation.bits)
      writer.put(flags)
      receipt.counts.encode(to: &writer)
      writer.put(varint: UInt64(runCount))
      if runCount > 0 { writer.put(exceptions.raw) }
      writer.put(varint: UInt64(ranges))
      var next: UInt64 = 1
      for index in 0..<ranges {
        writer.put(varint: missing[index].lowerBound - next)
        writer.put(varint: missing[index].upperBound - missing[index].lowerBound)
        next = missing[index].upperBound &+ 1
      }
    }
  }

  /// How many of the missing ranges fit, and their bytes.
  private static func fitting(
    _ missing: Span<ClosedRange<UInt64>>, room: Int
  ) -> (count: Int, bytes: Int) {
    var bytes = 0
    var next: UInt64 = 1
    for index in 0..<min(missing.count, WireLimits.maximumMissingRanges) {
      let range = missing[index]
      precondition(
        range.lowerBound >= next && next != 0, "BUG: missing ranges ascend and begin at 1")
      let size =
        Varint.byteCount(range.lowerBound - next)
        + Varint.byteCount(range.upperBound - range.lowerBound)
      guard bytes + size <= room else { return (index, bytes) }
      bytes += size
      next = range.upperBound &+ 1
    }
    return (min(missing.count, WireLimits.maximumMissingRanges), bytes)
  }

  private func frame(
    _ type: FrameType, _ header: AnswerHeader, source: RawSpan, recordCount: Int, bodyLength: Int
  ) -> FrameHeader {
    FrameHeader(
      type: type, sourceLength: source.byteCount, keyID: header.keyID, epoch: header.epoch,
      sequence: header.sequence, highestSequence: header.highestSequence,
      baseTime: header.arrival, recordCount: recordCount, bodyLength: bodyLength)
  }
}
