internal import Metering
internal import SegmentLog
internal import Wire

/// Finds the segments of one partition that the figures of a period come from.
struct SegmentSpan {
  private let files: PartitionFiles
  private let installation: Installation
  private let scope: FoldScope

  /// - Parameter scope: a period of one tenant.
  init(_ files: PartitionFiles, _ installation: Installation, _ scope: FoldScope) {
    self.files = files
    self.installation = installation
    self.scope = scope
  }

  /// The segments that hold a record of the period, and the one that finalizes it. Of segments that
  /// retention has deleted, those that may have held one: the manifest knows no tenants.
  ///
  /// What counts of the last one ends with the finalization, as long as that segment is there.
  ///
  /// - Parameter position: that of the finalization.
  /// - Throws: `SegmentError`, ``JournalError``, or ``CommandFailure`` if the log or the manifest
  ///   does not reach the position.
  func segments(upTo position: LogPosition) throws -> [Certificate.Segment] {
    let retained = try files.mapSegments()
    var found: [Certificate.Segment] = []
    if let (number, file) = retained.first {
      let start = try SegmentHeader(parsing: file.bytes, segment: number).start.position
      found = try deleted(before: number, at: start, upTo: position)
    }
    var decoder = LogDecoder()
    let block = LoggedBlock()
    for (number, file) in retained {
      var reader = try decoder.begin(file.bytes, number: number)
      try installation.check(reader.header, path: files.segment(number))
      let start = reader.header.start.position
      guard start <= position else { break }
      var isNeeded = false
      while reader.end.position <= position, let next = try reader.next() {
        try decoder.decode(next, into: block)
        isNeeded = isNeeded || holdsUsage(block)
      }
      let isLast = reader.end.position > position
      if isNeeded || isLast {
        found.append(Certificate.Segment(number: number, start: start, end: reader.end))
      }
      if isLast { break }
    }
    guard let last = found.last, last.end.position > position else {
      throw CommandFailure(
        "the log does not hold position \(position.rawValue), where the period was finalized")
    }
    return found
  }

  private func holdsUsage(_ block: LoggedBlock) -> Bool {
    var isFound = false
    RecordReader(tenant: scope.tenant).read(
      block,
      where: { hour, booking in
        !isFound && scope.hull.contains(booking ?? hour)
      }, { _ in isFound = true })
    return isFound
  }

  private func deleted(
    before number: UInt64, at start: LogPosition, upTo position: LogPosition
  ) throws(CommandFailure) -> [Certificate.Segment] {
    let deleted = try DeletedUsage(
      Manifest(files).read(), before: number, at: start.rawValue)
    return deleted.segments.filter { segment in
      guard segment.start <= position else { return false }
      return segment.mayHold(scope.hull) || segment.end.position > position
    }.map { Certificate.Segment(number: $0.number, start: $0.start, end: $0.end) }
  }
}
