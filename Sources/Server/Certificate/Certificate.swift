public import Authentication
public import Metering
public import SegmentLog
public import Wire

/// What a finalized period of a tenant came to, and which part of the log says so.
///
/// The article *Certificate* describes its form.
public struct Certificate: Sendable {
  /// The format that this version writes and reads.
  public static let version = 1

  /// The longest file that is read, in bytes; it has room for a hundred thousand segments.
  public static let maximumFileSize = 1 << 24

  /// A segment that figures of the period come from.
  public struct Segment: Sendable, Hashable {
    /// The number in its name.
    public var number: UInt64
    /// The log's position where it begins.
    public var start: LogPosition
    /// Where what counts of it ends.
    public var end: ChainPoint
  }

  /// The id of the installation.
  public var installation: InstallationID
  /// The tenant's name.
  public var tenant: String
  /// The period.
  public var period: BillingPeriod
  /// Its first hour.
  public var start: Hour
  /// The first hour after it.
  public var end: Hour
  /// The period and its hours.
  var bounds: PeriodBounds { PeriodBounds(period: period, start: start, end: end) }
  /// The partition whose log is meant.
  public var partition: UInt16
  /// The position of the record that finalized the period.
  public var position: LogPosition
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who asked for it.
  public var operatorName: String
  /// The job that asked for it; nil if an operator did.
  public var run: Int64?
  /// The segments, ascending.
  public var segments: [Segment]
  /// The figures by name, those of kinds and operations below `totals`.
  var figures: CanonicalJSON
  /// The gaps that were accepted; null if there were none.
  var acceptedGaps: CanonicalJSON

  /// Number of records, adjustments booked in the period included, in decimal.
  public var records: String { figures["records"]?.text ?? "" }

  /// The figures by name.
  var namedFigures: [FigureName: String] { FigureName.figures(in: figures) }
}

extension Certificate {
  /// The value that is signed.
  var content: CanonicalJSON {
    .object([
      .init("format", .text("weighbridge-certificate")), .init("version", .integer(Self.version)),
      .init("installation", .text(Hexadecimal.text(of: installation.bits))),
      .init("tenant", .text(tenant)),
      .init(
        "period",
        .object([
          .init("name", .text(period.text)), .init("start", .text(start.text)),
          .init("end", .text(end.text)),
        ])),
      .init(
        "finalized",
        .object([
          .init("at", .text(time.text)), .init("by", .text(operatorName)),
          .init("partition", .integer(partition)),
          .init("position", .text("\(position.rawValue)")),
          .init("run", run.map { .text("\($0)") } ?? .null),
        ])),
      .init("figures", figures),
      .init("completeness", .object([.init("accepted_gaps", acceptedGaps)])),
      .init(
        "log",
        .object([
          .init("start", .text("\(segments.first?.start.rawValue ?? 0)")),
          .init("end", .text("\(segments.last?.end.position.rawValue ?? 0)")),
          .init("segments", .array(segments.map(\.content))),
        ])),
    ])
  }

  /// The bytes of the file: one line with the content and its signature.
  ///
  /// - Throws: ``CommandFailure`` if a figure in Postgres has no place in a certificate.
  public func signed(with key: SigningKey) throws(CommandFailure) -> [UInt8] {
    guard let message = content.canonicalBytes,
      let file = Self.file(
        content, key: "\(key.publicKey)", signature: key.signature(of: message))
    else {
      throw CommandFailure("the figures in billing_periods cannot be written as a certificate")
    }
    return file
  }

  /// The bytes of a file; nil if the content has no canonical form.
  static func file(_ content: CanonicalJSON, key: String, signature: [UInt8]) -> [UInt8]? {
    let document = CanonicalJSON.object([
      .init("certificate", content),
      .init(
        "signature",
        .object([
          .init("algorithm", .text("ed25519")), .init("public_key", .text(key)),
          .init("value", .text(Hexadecimal.text(ofBytes: signature))),
        ])),
    ])
    return document.canonicalBytes.map { $0 + [UInt8(ascii: "\n")] }
  }
}

extension Certificate.Segment {
  fileprivate var content: CanonicalJSON {
    .object([
      .init("number", .text("\(number)")), .init("start", .text("\(start.rawValue)")),
      .init("end", .text("\(end.position.rawValue)")),
      .init("chain", .text(Hexadecimal.digits(of: end.chain))),
    ])
  }
}

extension Hexadecimal {
  /// A number's 16 digits, the highest first.
  static func digits(of number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
