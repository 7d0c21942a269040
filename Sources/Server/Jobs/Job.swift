internal import Foundation

/// What a job does.
public enum JobKind: String, Sendable, CaseIterable {
  /// Finalizes a period of one tenant or of all.
  case finalize
  /// Compares Postgres with the log.
  case verify
  /// Writes the usage of a finalized period to a file.
  case export
}

/// To what a job does it.
public struct JobArguments: Codable, Sendable, Hashable {
  /// The period, such as `2026-01`.
  public var period: String?
  /// One tenant; nil for all.
  public var tenant: String?
  /// Tenants that are left out where all are meant: they have schedules of their own.
  public var except: [String]?
  /// What is exported.
  public var what: ExportTable?
  /// How an export is written; nil: as the service is configured.
  public var format: ExportFormat?
  /// How an export is compressed; nil: as the service is configured.
  public var compress: ExportCompression?

  /// Arguments of a job.
  public init(
    period: String? = nil, tenant: String? = nil, except: [String]? = nil,
    what: ExportTable? = nil, format: ExportFormat? = nil, compress: ExportCompression? = nil
  ) {
    self.period = period
    self.tenant = tenant
    self.except = except
    self.what = what
    self.format = format
    self.compress = compress
  }

  /// The arguments in a JSON object; nil if it is none of a job.
  public init?(text: String) {
    guard let read = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
    self = read
  }

  /// The JSON object.
  public var text: String { JobText.of(self) }
}

/// What a run came to. Its figures are those of the run, over all of its attempts; errors are those
/// of the last one.
public struct JobSummary: Codable, Sendable, Hashable {
  /// Tenants that it did something for.
  public var tenants = 0
  /// Rows of Postgres that it wrote or compared, or rows of its file.
  public var rows = 0
  /// Records in them.
  public var records: Int64 = 0
  /// What was refused or differs, counted by kind.
  public var errors: [String: Int] = [:]
  /// The first of these in sentences, and then the first warnings.
  public var details: [String] = []
  /// The answer in a word, where there is one.
  public var outcome: String?
  /// The file that it put in place.
  public var file: String?
  /// How long the last attempt took.
  public var seconds: Double = 0

  /// How many of each in ``details`` are kept.
  static let detailLimit = 10

  /// A run that came to nothing yet.
  public init() {}

  /// The summary in a JSON object; nil if it is none.
  public init?(text: String) {
    guard let read = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
    self = read
  }

  /// The JSON object.
  var text: String { JobText.of(self) }
}

/// JSON of the columns of `jobs`.
private enum JobText {
  static func of(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
      preconditionFailure("BUG: a job's column that cannot be encoded")
    }
    return String(decoding: data, as: UTF8.self)
  }
}
