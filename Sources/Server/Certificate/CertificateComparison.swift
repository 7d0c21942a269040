public import Database
internal import Metering
internal import SegmentLog
internal import Wire

/// What comparing a certificate with an installation has shown.
public struct CertificateComparison: Sendable {
  /// What differs, one sentence each.
  public private(set) var differences: [String] = []
  /// Named segments that are there, whole, and what the certificate says.
  public private(set) var segments = 0
  /// Named segments that retention has deleted and whose entry in the manifest is what the
  /// certificate says.
  public private(set) var deletedSegments = 0
  /// Rows of usage and adjustments that are what the log gives.
  public private(set) var rows = 0
  /// Rows of which deleted segments held a part, so that only their sums could be compared.
  public private(set) var incomparable = 0

  /// How a command that compared ends.
  public var exit: CommandExit {
    if !differences.isEmpty { return .refused }
    return incomparable > 0 ? .beyondRetention : .done
  }

  /// Compares a certificate with the log and the Postgres of its installation: the row of
  /// `billing_periods`, every row of the period, and every byte of the segments that it names.
  ///
  /// - Parameters:
  ///   - certificate: a certificate whose signature is right.
  ///   - layout: the data directory.
  ///   - database: Postgres.
  ///   - progress: told the bytes of the log that are done, and all of them.
  /// - Throws: ``CommandFailure`` if Postgres or the log cannot be read at all.
  public init(
    of certificate: Certificate, with layout: DataDirectoryLayout, _ database: RollupDatabase,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) {
    let installation: Installation
    do throws(DataDirectoryError) {
      installation = try layout.readInstallation()
    } catch {
      throw CommandFailure(error)
    }
    guard installation.id == certificate.installation else {
      differences.append(
        "the certificate is of installation "
          + "\(Hexadecimal.text(of: certificate.installation.bits)), and \(layout.path) is "
          + Hexadecimal.text(of: installation.id.bits))
      return
    }
    try compareSegments(certificate, layout)
    let isLogSound = differences.isEmpty
    do {
      try comparePeriod(certificate, database)
      // What is damaged has been named; it cannot be folded.
      guard isLogSound else {
        try compareRows(certificate, database)
        return
      }
    } catch {
      throw LogVerifier.failure(error)
    }
    try compareLog(certificate, layout, database, progress)
  }

  /// Compares every row of the period with the log.
  private mutating func compareLog(
    _ certificate: Certificate, _ layout: DataDirectoryLayout, _ database: RollupDatabase,
    _ progress: (Int, Int) -> Void
  ) throws(CommandFailure) {
    do throws(CommandFailure) {
      let found = try LogVerifier.verify(
        layout, against: database, scope: certificate.scope, progress: progress)
      differences += found.differences
      rows = found.usage.equal + found.adjustments.equal
      incomparable = found.incomparable
    } catch {
      do {
        try compareRows(certificate, database)
      } catch {
        throw LogVerifier.failure(error)
      }
      guard !differences.isEmpty else { throw error }
      differences.append(error.message)
    }
  }
}

extension Certificate {
  /// The rows of its period.
  fileprivate var scope: FoldScope { FoldScope(tenant: tenant, bounds: bounds) }
}

// MARK: Postgres

extension CertificateComparison {
  /// Compares the row of `billing_periods`.
  private mutating func comparePeriod(
    _ certificate: Certificate, _ database: RollupDatabase
  ) throws {
    let stored = try database.snapshot { snapshot in
      try StoredPeriod.read(snapshot, tenant: certificate.tenant)
        .first { $0.row.period == certificate.period }
    }
    let name = "billing_periods (\(certificate.tenant), \(certificate.period.text))"
    guard let stored, let finalized = stored.row.finalized else {
      differences.append("\(name): it is not finalized")
      return
    }
    compare(certificate.namedFigures, try stored.figures, in: name)
    compareFinalization(certificate, stored.row, finalized, in: name)
    let gaps = try CertificateMaker.acceptedGaps(of: finalized)
    if gaps.canonicalBytes != certificate.acceptedGaps.canonicalBytes {
      differences.append(
        "\(name): the accepted gaps are \(Self.text(gaps)), the certificate says "
          + Self.text(certificate.acceptedGaps))
    }
  }

  /// Compares what the rows of the period add up to, where the log cannot say what each must be.
  private mutating func compareRows(
    _ certificate: Certificate, _ database: RollupDatabase
  ) throws {
    let scope = certificate.scope
    let figures = certificate.namedFigures
    guard let opening = figures[FigureName("opening_level")].flatMap({ Int128($0) }) else { return }
    let sums = try database.snapshot { snapshot in
      var sums = PeriodFigures<[UInt8]>()
      try snapshot.usage(scope.usageFilter) { row in
        sums.add(
          row.sums, kind: row.subject.kind, operation: Array(row.subject.operation.utf8),
          isAdjustment: false)
      }
      try snapshot.adjustments(scope.adjustmentsFilter) { row in
        sums.add(
          row.sums, kind: row.subject.kind, operation: Array(row.subject.operation.utf8),
          isAdjustment: true)
      }
      return sums
    }
    compare(
      figures, sums.named(opening: opening) { String(decoding: $0, as: UTF8.self) },
      in: "the rows of (\(certificate.tenant), \(certificate.period.text))")
  }

  private mutating func compareFinalization(
    _ certificate: Certificate, _ row: PeriodRow, _ finalized: FinalizedPeriod, in place: String
  ) {
    let pairs = [
      ("period_start", certificate.start.text, row.bounds.start.text),
      ("period_end", certificate.end.text, row.bounds.end.text),
      ("finalized_at", certificate.time.text, finalized.time.text),
      ("finalized_by", certificate.operatorName, finalized.operatorName),
      ("run_id", Self.text(certificate.run), Self.text(finalized.run)),
      ("log_partition", "\(certificate.partition)", "\(finalized.partition)"),
      ("log_position", "\(certificate.position.rawValue)", "\(finalized.position.rawValue)"),
    ]
    for (name, certified, found) in pairs where !certified.utf8.elementsEqual(found.utf8) {
      differences.append("\(place): \(name) is \(found), the certificate says \(certified)")
    }
  }

  private static func text(_ gaps: CanonicalJSON?) -> String {
    gaps?.canonicalBytes.map { String(decoding: $0, as: UTF8.self) } ?? "not readable"
  }

  private static func text(_ run: Int64?) -> String { run.map { "\($0)" } ?? "null" }

  private mutating func compare(
    _ certified: [FigureName: String], _ found: [FigureName: String], in place: String
  ) {
    for name in Set(certified.keys).union(found.keys).sorted()
    where certified[name] != found[name] {
      differences.append(
        "\(place): \(name.text) is \(found[name] ?? "nothing"), the certificate says "
          + (certified[name] ?? "nothing"))
    }
  }
}

// MARK: Segments

extension CertificateComparison {
  private mutating func compareSegments(
    _ certificate: Certificate, _ layout: DataDirectoryLayout
  ) throws(CommandFailure) {
    let inspection = try SegmentInspection(layout, partition: certificate.partition)
    var gone: [Certificate.Segment] = []
    for segment in certificate.segments {
      guard let report = try inspection.report(segment.number, decompresses: true) else {
        gone.append(segment)
        continue
      }
      if let difference = Self.difference(segment, report) {
        differences.append("segment \(segment.number): \(difference)")
      } else {
        segments += 1
      }
    }
    if gone.isEmpty { return }
    // Read last: a segment that is deleted meanwhile is in one or the other.
    let manifest = Manifest(PartitionFiles(layout.partition(certificate.partition))).read()
    let entries = Dictionary(manifest.map { ($0.segment, $0) }) { first, _ in first }
    for segment in gone {
      guard let entry = entries[segment.number] else {
        differences.append(
          "segment \(segment.number): it is missing, and the manifest does not name it")
        continue
      }
      if let difference = Self.difference(segment, entry) {
        differences.append("segment \(segment.number) in the manifest: \(difference)")
      } else {
        deletedSegments += 1
      }
    }
  }

  private static func difference(
    _ segment: Certificate.Segment, _ report: SegmentReport
  ) -> String? {
    if case .damaged(let error) = report.ending { return "\(error)" }
    guard let header = report.header, header.start.position == segment.start else {
      let start = report.header.map { "\($0.start.position.rawValue)" } ?? "nowhere"
      return "it begins at position \(start), the certificate says \(segment.start.rawValue)"
    }
    let ends = report.blocks.map(\.header.end)
    guard let end = ends.first(where: { $0.position == segment.end.position }) else {
      return "no block of it ends at position \(segment.end.position.rawValue)"
    }
    return end.chain == segment.end.chain ? nil : text(found: end.chain, segment)
  }

  /// What the manifest has of a deleted segment; only its end has a chain there.
  private static func difference(
    _ segment: Certificate.Segment, _ entry: ManifestEntry
  ) -> String? {
    guard entry.start == segment.start.rawValue else {
      return "it began at position \(entry.start), the certificate says \(segment.start.rawValue)"
    }
    guard entry.end >= segment.end.position.rawValue else {
      return "it ended at position \(entry.end), the certificate says "
        + "\(segment.end.position.rawValue)"
    }
    guard entry.end == segment.end.position.rawValue else { return nil }
    let chain = UInt64(entry.chain, radix: 16)
    return chain == segment.end.chain ? nil : text(found: chain, segment)
  }

  private static func text(found: UInt64?, _ segment: Certificate.Segment) -> String {
    "the chain at position \(segment.end.position.rawValue) is "
      + "\(found.map { Hexadecimal.digits(of: $0) } ?? "not readable"), the certificate says "
      + Hexadecimal.digits(of: segment.end.chain)
  }
}
