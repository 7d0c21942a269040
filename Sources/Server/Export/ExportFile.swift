internal import Database
internal import Glibc
internal import Metering

/// The file of an export job. What it holds is seen from its name, such as `2026-01-rollups.csv` or
/// `2026-01-records-acme.ndjson.zst`, and can never change any more.
struct ExportFile {
  /// Where it stands.
  let path: String

  private let scope: FoldScope
  private let table: ExportTable
  private let format: ExportFormat
  private let compression: ExportCompression
  private let reserve: UInt64

  /// The file of a job.
  ///
  /// - Throws: ``CommandFailure`` if the arguments say nothing that can be exported.
  init(
    _ arguments: JobArguments, _ configuration: ServerConfiguration, _ layout: DataDirectoryLayout
  ) throws(CommandFailure) {
    let period = try arguments.requiredPeriod()
    table = arguments.what ?? .rollups
    if table == .records, arguments.tenant == nil {
      throw CommandFailure("records are exported for one tenant")
    }
    scope = FoldScope(
      tenant: arguments.tenant, period: period, calendars: configuration.calendars)
    format = arguments.format ?? configuration.jobs.exportFormat
    compression = arguments.compress ?? configuration.jobs.exportCompression
    reserve = UInt64(configuration.log.diskReserve)
    let suffix =
      switch compression {
      case .gzip: ".gz"
      case .zstd: ".zst"
      case .none: ""
      }
    let tenant = arguments.tenant.map { "-" + Self.escaped($0) } ?? ""
    let directory = configuration.jobs.exportDirectory ?? layout.exports
    path = "\(directory)/\(period.text)-\(table.rawValue)\(tenant).\(format.rawValue)\(suffix)"
  }

  /// The name of a tenant as part of a file's name: bytes other than letters, digits, `-`, `_` and
  /// `.` are `%` and two hexadecimal digits.
  static func escaped(_ tenant: String) -> String {
    var text = ""
    for byte in tenant.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%" + Hexadecimal.text(of: byte)
      }
    }
    return text
  }

  /// Writes it, and puts it in the place of the one before. The directory is made if only its last
  /// part is missing.
  ///
  /// - Returns: what was written.
  /// - Throws: ``CommandFailure``; the file is then as it was before.
  func write(
    _ layout: DataDirectoryLayout, _ database: RollupDatabase
  ) throws(CommandFailure) -> Export {
    let directory = FilePath.parent(of: path)
    if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw CommandFailure("\(SystemCallError("make", directory, code: errno))")
    }
    let sink = try ExportSink(.file(path), compression: compression, reserve: reserve)
    var export = Export(table, scope, as: format, to: sink, isFinal: true)
    try export.run({ () throws(CommandFailure) in layout }, database)
    return export
  }
}
