internal import Compression
internal import Metering
public import SegmentLog
internal import Wire

/// Reads and checks the segments of one partition without changing anything.
public struct SegmentInspection {
  /// The number of the partition.
  public let partition: UInt16
  private let files: PartitionFiles
  private let installation: Installation
  private let mark: DurabilityMark?
  private let numbers: [UInt64]

  /// Lists the segments of every partition of a data directory.
  ///
  /// - Throws: ``CommandFailure`` if the directory, its identity or a mark cannot be read.
  public static func all(
    _ layout: DataDirectoryLayout
  ) throws(CommandFailure) -> [SegmentInspection] {
    var all = [try SegmentInspection(layout)]
    for number in 1..<max(all[0].installation.partitionCount, 1) {
      all.append(try SegmentInspection(layout, partition: number))
    }
    return all
  }

  /// Lists the segments of a partition of a data directory.
  ///
  /// - Throws: ``CommandFailure`` if the directory, its identity or its mark cannot be read, or if
  ///   it has no such partition.
  public init(_ layout: DataDirectoryLayout, partition: UInt16 = 0) throws(CommandFailure) {
    self.partition = partition
    files = PartitionFiles(layout.partition(partition))
    do {
      installation = try layout.readInstallation()
      guard partition < installation.partitionCount else {
        throw CommandFailure(
          "there is no partition \(partition); \(layout.path) has partitions 0 to "
            + "\(installation.partitionCount - 1)")
      }
      // The mark first: what it covers is in the segments.
      mark = try files.readMark()
      numbers = try files.segmentNumbers()
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure("\(error)")
    }
  }

  /// The numbers of the segments, ascending.
  public var segmentNumbers: [UInt64] { numbers }

  /// Reads one segment: every checksum, and the chain inside it.
  ///
  /// - Parameters:
  ///   - number: its number.
  ///   - previous: the end of the segment before it, which its start must continue; nil to take its
  ///     start as it is.
  ///   - decompresses: whether every block is decompressed too.
  /// - Returns: nil if retention has deleted it meanwhile.
  /// - Throws: ``CommandFailure`` if the file cannot be read or belongs to another installation.
  public func report(
    _ number: UInt64, after previous: ChainPoint? = nil, decompresses: Bool = false
  ) throws(CommandFailure) -> SegmentReport? {
    let bytes: [UInt8]
    do throws(SystemCallError) {
      // Read, not mapped: the service may cut the rest of it off meanwhile.
      bytes = try FileContents.read(files.segment(number), limit: Int.max)
    } catch {
      if error.kind == .missing { return nil }
      throw CommandFailure("\(error)")
    }
    var report = SegmentReport(partition: partition, number: number, fileBytes: bytes.count)
    let span = unsafe bytes.span.bytes
    do {
      try read(span, into: &report, after: previous, decompresses: decompresses)
      if number == numbers.last, let mark, let end = report.end,
        end.position < mark.end.position
      {
        report.ending = .damaged(
          SegmentError(
            .markPosition, segment: number, offset: report.contentBytes,
            expected: mark.end.position.rawValue, found: end.position.rawValue))
      }
    } catch let error as SegmentError {
      report.ending = ending(span, number, after: previous, error)
    } catch {
      throw CommandFailure("\(error)")
    }
    return report
  }

  private func read(
    _ bytes: RawSpan, into report: inout SegmentReport, after previous: ChainPoint?,
    decompresses: Bool
  ) throws {
    let number = report.number
    let decompressor = Decompressor()
    var columns: [UInt8] = []
    var reader = try SegmentReader(bytes, segment: number, after: previous)
    report.header = reader.header
    report.contentBytes = reader.offset
    try installation.check(reader.header, path: files.segment(number))
    while let block = try reader.next() {
      if decompresses { try block.decompressColumns(with: decompressor, into: &columns) }
      report.blocks.append(.init(offset: block.offset, header: block.header))
      report.contentBytes = reader.offset
    }
  }

  /// Whether an error is a torn tail of the last segment, as the next start would judge it.
  private func ending(
    _ bytes: RawSpan, _ number: UInt64, after previous: ChainPoint?, _ error: SegmentError
  ) -> SegmentReport.Ending {
    guard number == numbers.last else { return .damaged(error) }
    let scan = SegmentScan(ofLast: bytes, segment: number, after: previous, mark: mark)
    return switch scan.decision {
    case .intact: .damaged(error)
    case .truncate(_, let found): .torn(found)
    case .damaged(let found): .damaged(found)
    }
  }
}

/// What checking the whole log of a partition has shown.
public struct LogCheck: Sendable {
  /// The partition.
  public var partition: UInt16
  /// Segments that were read.
  public var segments = 0
  /// Blocks with their checksums and their place in the chain.
  public var blocks = 0
  /// Entries in them.
  public var entries = 0
  /// Bytes in them.
  public var bytes = 0
  /// The end of the log as far as it is valid; nil for an empty log.
  public var end: ChainPoint?
  /// What is damaged, one sentence each.
  public var damages: [String] = []
  /// A torn tail, or a write that is under way; it is no damage.
  public var tornTail: String?
}

extension SegmentInspection {
  /// Checks every segment: checksums, chain, decompression, numbers without a gap, and that nothing
  /// below the durability mark is missing. A damage does not stop the rest.
  ///
  /// - Parameter progress: told the number of segments that are done and that there are.
  public func check(
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) -> LogCheck {
    var check = LogCheck(partition: partition)
    var previous: ChainPoint?
    var last: UInt64?
    for (index, number) in numbers.enumerated() {
      // Deleted meanwhile: only the oldest ones are.
      guard let report = try report(number, after: previous, decompresses: true) else { continue }
      if let last, last + 1 != number {
        check.damages.append("segment \(last + 1) is missing: segment \(number) follows")
      }
      check.segments += 1
      check.blocks += report.blocks.count
      check.entries += report.entries
      check.bytes += report.contentBytes
      switch report.ending {
      case .whole: break
      case .torn(let error): check.tornTail = "\(error)"
      case .damaged(let error): check.damages.append("\(error)")
      }
      // Behind a damage the next segment is checked by itself.
      if case .damaged = report.ending { previous = nil } else { previous = report.end }
      last = number
      check.end = report.end ?? check.end
      progress(index + 1, numbers.count)
    }
    if numbers.isEmpty, let mark, mark.end != .beginning {
      check.damages.append(
        "there is no segment, but the log was synced up to position "
          + "\(mark.end.position.rawValue)")
    }
    return check
  }
}
