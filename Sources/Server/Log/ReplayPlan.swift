internal import Metering
internal import SegmentLog

/// Where a start begins to replay, and what it reads of the segments before.
///
/// The keys of those stand in runs and their usage in Postgres; the ledger's state is in the head
/// of the first segment that is replayed, and what retention asks of a segment is in the next head.
struct ReplayPlan {
  /// The number of the first segment to replay.
  private(set) var first: UInt64 = 0
  /// The segments of which nothing is read but header and head.
  private(set) var heads: Set<UInt64> = []

  /// - Parameters:
  ///   - numbers: of all segments, ascending.
  ///   - keys: the keys of everything before are in runs.
  ///   - checkpoint: what is before is in Postgres; nil if that could not be asked.
  /// - Throws: what is wrong with a header or a head that is not the last segment's.
  init(
    _ files: PartitionFiles, _ numbers: [UInt64], keysThrough keys: LogPosition,
    checkpoint: LogPosition?
  ) throws {
    // The last segment may be torn, and of the one before the receipts are wanted with details.
    guard numbers.count > 2 else { return }
    let flushed = try checkpoint ?? Self.lastKnownCheckpoint(files, numbers)
    let end = min(keys, flushed)
    // Segments are taken in order: one behind the end is followed by others.
    let place = try numbers.dropLast().lastIndex { try Self.start(files, $0) <= end }
    guard let place, place > 0 else { return }
    first = numbers[place]
    for index in 0..<place {
      let next = try Self.head(files, numbers[index + 1])
      if next?.previous != nil { heads.insert(numbers[index]) }
    }
  }

  /// The checkpoint that the last whole head knows; the beginning if there is none.
  private static func lastKnownCheckpoint(
    _ files: PartitionFiles, _ numbers: [UInt64]
  ) throws -> LogPosition {
    for number in numbers.suffix(2).reversed() {
      // A crash may have come before the last one was written.
      let known = number == numbers.last ? try? head(files, number) : try head(files, number)
      if let known { return known.checkpoint.position }
    }
    return LogPosition(0)
  }

  private static func start(_ files: PartitionFiles, _ number: UInt64) throws -> LogPosition {
    let file = try MappedFile(files.segment(number))
    return try SegmentHeader(parsing: file.bytes, segment: number).start.position
  }

  /// The snapshot that a segment begins with; nil if it ends before that.
  private static func head(_ files: PartitionFiles, _ number: UInt64) throws -> LedgerSnapshot? {
    let file = try MappedFile(files.segment(number))
    var decoder = LogDecoder()
    var reader = try decoder.begin(file.bytes, number: number)
    guard let first = try reader.next() else { return nil }
    let block = LoggedBlock()
    try decoder.decode(first, into: block)
    return block.snapshot
  }
}
