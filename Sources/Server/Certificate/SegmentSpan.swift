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
    var found = try deleted(before: retained.first?.number ?? .max, upTo: position)
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
    before number: UInt64, upTo position: LogPosition
  ) throws -> [Certificate.Segment] {
    var found: [Certificate.Segment] = []
    for entry in Manifest(files).read() where entry.segment < number {
      guard entry.start <= position.rawValue else { break }
      guard let chain = UInt64(entry.chain, radix: 16),
        let arrival = Timestamp(rfc3339: entry.lastArrival)
      else { throw CommandFailure("\(files.manifest): segment \(entry.segment) is not readable") }
      let hours = entry.hours.compactMap { try? Hour(parsing: $0.hour) }
      // Usage of the period, or older usage that came once it had begun: that may be booked in it.
      let mayHold = hours.contains {
        $0 < scope.hull.end
          && ($0 >= scope.hull.start || arrival >= scope.hull.start.start)
      }
      guard mayHold || entry.end > position.rawValue else { continue }
      found.append(
        Certificate.Segment(
          number: entry.segment, start: LogPosition(entry.start),
          end: ChainPoint(position: LogPosition(entry.end), chain: chain)))
    }
    return found
  }
}
