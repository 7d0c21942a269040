internal import Metering
internal import SegmentLog

/// How far a log reaches, found without replaying it. What is wrong with it is the replay's to say.
struct LogExtent {
  /// From the position of the first retained segment to the end of the last valid block.
  var positions: ClosedRange<UInt64> = 0...0
  /// The arrival of the last entry, in milliseconds; the least value without any.
  var lastArrival: Int64 = .min

  /// Reads the header of the first segment and the blocks of the last one.
  init(_ files: PartitionFiles) throws(SystemCallError) {
    let numbers = try files.segmentNumbers()
    guard let first = numbers.first, let start = try Self.start(files, first) else { return }
    positions = start...start
    for number in numbers.reversed() where try read(files, number, from: start) { return }
  }

  private static func start(
    _ files: PartitionFiles, _ number: UInt64
  ) throws(SystemCallError) -> UInt64? {
    let file = try MappedFile(files.segment(number))
    return (try? SegmentHeader(parsing: file.bytes, segment: number))?.start.position.rawValue
  }

  /// - Returns: whether the segment has a header; only a torn last one has none.
  private mutating func read(
    _ files: PartitionFiles, _ number: UInt64, from start: UInt64
  ) throws(SystemCallError) -> Bool {
    let file = try MappedFile(files.segment(number))
    do {
      var reader = try SegmentReader(file.bytes, segment: number)
      var end = reader.end.position.rawValue
      lastArrival = reader.header.createdAt
      defer { positions = start...max(start, end) }
      while let block = try reader.next() {
        end = block.header.end.position.rawValue
        lastArrival = max(lastArrival, block.header.lastArrival)
      }
    } catch {
      return lastArrival != .min
    }
    return true
  }
}
