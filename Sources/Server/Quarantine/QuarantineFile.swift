internal import Foundation
internal import Glibc
internal import Metering
internal import Wire

/// One line of the quarantine: a record, or a whole frame, that was authentic and rejected.
public struct QuarantineEntry: Codable, Sendable, Equatable {
  /// When it arrived.
  public var arrival: String
  /// Its source.
  public var source: String
  /// Its source's epoch.
  public var epoch: UInt64
  /// Its batch's number.
  public var sequence: UInt64
  /// Its number in the batch; absent for a whole frame.
  public var index: Int?
  /// Why it was rejected.
  public var reason: String
  /// Whether the reason lay with the service, so that it can be replayed.
  public var isReplayable: Bool
  /// The tenant, where it could be read.
  public var tenant: String?
  /// The kind.
  public var kind: String?
  /// The operation, where it could be read.
  public var operation: String?
  /// The context's type.
  public var contextType: String?
  /// The context's name.
  public var context: String?
  /// The event time, where it is valid.
  public var time: String?
  /// The quantity.
  public var quantity: Int64?
  /// The key: text, or 16 raw bytes in hexadecimal after `0x`.
  public var key: String?
  /// What is wrong with the body of a whole frame.
  public var detail: String?
  /// The bytes of a whole frame in base64.
  public var frame: String?
}

extension QuarantineEntry {
  init(_ record: QuarantinedRecord) {
    arrival = record.arrival.text
    source = record.source.name
    epoch = record.source.epoch
    sequence = record.sequence
    index = record.index
    reason = record.reason.name
    isReplayable = record.reason.isReplayable
    tenant = record.tenant
    kind = record.kind?.name
    operation = record.operation
    contextType = record.contextType?.name
    context = record.context
    let isValid = record.time.milliseconds >= 0 && record.time <= .latest
    time = isValid ? record.time.text : nil
    quantity = record.quantity
    key = record.key
  }

  init(
    frame bytes: [UInt8], source: String, header: FrameHeader, arrival: Timestamp, error: WireError
  ) {
    self.arrival = arrival.text
    self.source = source
    epoch = header.epoch
    sequence = header.sequence
    reason = RefusalReason.malformedBody.name
    isReplayable = false
    detail = "\(error)"
    frame = Data(bytes).base64EncodedString()
  }
}

/// The bounded file of what was authentic and rejected: NDJSON in two files that take turns, so
/// that the oldest entries leave first.
///
/// One thread writes. What cannot be written is counted, and stops nothing: the verdicts are in the
/// log.
public final class QuarantineFile {
  private let directory: String
  private let limit: Int
  private var file: OpenFile?
  private var size = 0
  /// Entries that could not be written.
  private(set) var lost: UInt64 = 0

  /// The quarantine in a directory, of at most this many bytes.
  init(directory: String, maximumBytes: Int) {
    self.directory = directory
    limit = maximumBytes / 2
  }

  /// The paths of the older and the newer file below a data directory.
  public static func paths(in directory: String) -> [String] {
    ["\(directory)/rejected.1.ndjson", "\(directory)/rejected.ndjson"]
  }

  /// Every entry, the oldest first; lines that a crash tore are left out.
  public static func read(in directory: String) throws -> [QuarantineEntry] {
    var entries: [QuarantineEntry] = []
    let decoder = JSONDecoder()
    for path in paths(in: directory) {
      guard let data = FileManager.default.contents(atPath: path) else { continue }
      for line in data.split(separator: UInt8(ascii: "\n")) {
        if let entry = try? decoder.decode(QuarantineEntry.self, from: line) {
          entries.append(entry)
        }
      }
    }
    return entries
  }

  /// Appends entries.
  func append(_ entries: [QuarantineEntry]) {
    var lines: [UInt8] = []
    for entry in entries { lines += ControlCoding.line(entry) }
    do throws(SystemCallError) {
      let file = try current(adding: lines.count)
      let written = try SystemCallError.check("write", file.path) {
        unsafe write(file.descriptor, lines, lines.count)
      }
      size += written
    } catch {
      lost += UInt64(entries.count)
    }
  }

  private func current(adding count: Int) throws(SystemCallError) -> OpenFile {
    let paths = Self.paths(in: directory)
    if file == nil {
      if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST {
        throw SystemCallError("create", directory, code: errno)
      }
      size = (try? FileStatus(of: paths[1]))?.size ?? 0
    }
    if size + count > limit, size > 0 {
      try SystemCallError.check("rename", paths[1]) { Int(unsafe rename(paths[1], paths[0])) }
      file = nil
      size = 0
    }
    if let file { return file }
    let opened = try OpenFile(paths[1], O_WRONLY | O_CREAT | O_APPEND)
    file = opened
    return opened
  }
}
