internal import Foundation
internal import Glibc
internal import Metering
internal import SegmentLog
internal import Wire

/// One line of the manifest: what a deleted segment held.
public struct ManifestEntry: Codable, Sendable {
  /// Sums of one kind in one hour.
  public struct HourSums: Codable, Sendable {
    /// The hour, as its first second.
    public var hour: String
    /// The kind.
    public var kind: String
    /// Number of records.
    public var records: Int64
    /// Sum of quantities, in decimal.
    public var quantity: String
  }

  /// The segment's number.
  public var segment: UInt64
  /// The position where it began.
  public var start: UInt64
  /// The position where it ended.
  public var end: UInt64
  /// The chain checksum of its last block, in hexadecimal.
  public var chain: String
  /// Its size in bytes.
  public var bytes: Int
  /// When it was begun.
  public var created: String
  /// The arrival of its last entry.
  public var lastArrival: String
  /// Sums per hour and kind.
  public var hours: [HourSums]
}

/// The list of segments that retention has deleted, as NDJSON.
public struct Manifest {
  private let files: PartitionFiles

  /// The manifest of a partition.
  public init(_ files: PartitionFiles) { self.files = files }

  /// Appends entries and syncs them; only then may the segments go.
  func append(_ segments: [SegmentSummary]) throws(SystemCallError) {
    let isNew = (try? FileStatus(of: files.manifest)) == nil
    let file = try OpenFile(files.manifest, O_RDWR | O_CREAT | O_APPEND)
    var lines = try Self.isTorn(file) ? [UInt8(ascii: "\n")] : []
    for segment in segments { lines += ControlCoding.line(ManifestEntry(segment)) }
    let written = try SystemCallError.check("write", file.path) {
      unsafe write(file.descriptor, lines, lines.count)
    }
    guard written == lines.count else { throw SystemCallError("write", file.path, code: ENOSPC) }
    try file.sync()
    if isNew { try FileContents.syncDirectory(files.path) }
  }

  /// Every entry, the oldest first. A line that a crash tore is left out, and so is a second entry:
  /// a crash may come between a segment's entry and its deletion.
  public func read() -> [ManifestEntry] {
    guard let data = FileManager.default.contents(atPath: files.manifest) else { return [] }
    let decoder = JSONDecoder()
    var seen: Set<UInt64> = []
    return data.split(separator: UInt8(ascii: "\n"))
      .compactMap { try? decoder.decode(ManifestEntry.self, from: $0) }
      .filter { seen.insert($0.segment).inserted }
  }

  /// Whether the last line has no end.
  private static func isTorn(_ file: OpenFile) throws(SystemCallError) -> Bool {
    let size = try FileStatus(of: file.path).size
    guard size > 0 else { return false }
    var last: UInt8 = 0
    try SystemCallError.check("read", file.path) {
      unsafe pread(file.descriptor, &last, 1, off_t(size - 1))
    }
    return last != UInt8(ascii: "\n")
  }
}

extension ManifestEntry {
  init(_ summary: SegmentSummary) {
    segment = summary.number
    start = summary.start.position.rawValue
    end = summary.end.position.rawValue
    chain = String(summary.end.chain, radix: 16)
    bytes = summary.byteCount
    created = summary.created.text
    lastArrival = summary.lastArrival.text
    hours = summary.hours.sorted { $0.key < $1.key }.map { key, sums in
      HourSums(
        hour: key.hour.text, kind: key.kind.name, records: sums.count,
        quantity: "\(sums.quantity)")
    }
  }
}
