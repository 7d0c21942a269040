public import Authentication
internal import Metering
internal import SegmentLog
internal import Wire

/// Why a file is no valid certificate.
public enum CertificateError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It is not JSON.
  case malformed(String)
  /// It is JSON, but not in the one form in which a certificate is written.
  case notCanonical
  /// A field is missing or holds something else than it may.
  case field(String)
  /// It was written by a later version.
  case tooNew(version: String)
  /// It says that it was signed with another key.
  case otherKey(expected: String, found: String)
  /// The signature is not that of the content.
  case signature

  /// What was expected and found.
  public var description: String {
    switch self {
    case .malformed(let reason): "it is not JSON: \(reason)"
    case .notCanonical:
      "it is not in the form in which a certificate is written (RFC 8785, one line): it was "
        + "changed after it was signed"
    case .field(let name): "\(name) is missing, or is not what a certificate has there"
    case .tooNew(let version):
      "it has version \(version), and this version reads \(Certificate.version)"
    case .otherKey(let expected, let found):
      "it was signed with the key \(found), not with \(expected)"
    case .signature: "the signature is not that of the content: one of the two was changed"
    }
  }
}

extension Certificate {
  /// Reads a certificate and checks its signature. Nothing of it is told unless that is right.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - key: whose signature it must have.
  public init(verifying bytes: [UInt8], with key: VerificationKey) throws(CertificateError) {
    let document: CanonicalJSON
    do throws(JSONFault) {
      document = try JSONParser.parse(bytes)
    } catch {
      throw .malformed("\(error)")
    }
    guard let canonical = document.canonicalBytes, canonical + [UInt8(ascii: "\n")] == bytes,
      let content = document["certificate"], let message = content.canonicalBytes
    else { throw .notCanonical }
    let signature = Reader(document["signature"], "signature")
    guard try signature.text("algorithm") == "ed25519" else { throw .field("signature.algorithm") }
    let found = try signature.text("public_key")
    guard found == "\(key)" else { throw .otherKey(expected: "\(key)", found: found) }
    guard let value = Hexadecimal.bytes(of: try signature.text("value")),
      key.isValid(value, of: message)
    else { throw .signature }
    // Nothing else stands beside what is signed, and the signature has one form too.
    guard Self.file(content, key: found, signature: value) == bytes else { throw .notCanonical }
    try self.init(Reader(content, "certificate"))
  }

  private init(_ content: Reader) throws(CertificateError) {
    guard try content.text("format") == "weighbridge-certificate" else {
      throw .field("certificate.format")
    }
    let version = try content.number("version", Int.self)
    guard version == Self.version else { throw .tooNew(version: "\(version)") }
    guard let id = Hexadecimal.number(UInt128.self, of: try content.text("installation")) else {
      throw .field("certificate.installation")
    }
    installation = InstallationID(bits: id)
    tenant = try content.text("tenant")
    let period = content.member("period")
    guard let named = try? BillingPeriod(parsing: period.text("name")),
      let start = try? Hour(parsing: period.text("start")),
      let end = try? Hour(parsing: period.text("end"))
    else { throw .field("certificate.period") }
    (self.period, self.start, self.end) = (named, start, end)
    let finalized = content.member("finalized")
    guard let time = Timestamp(rfc3339: try finalized.text("at")) else {
      throw .field("certificate.finalized.at")
    }
    self.time = time
    operatorName = try finalized.text("by")
    partition = try finalized.number("partition", UInt16.self)
    position = LogPosition(try finalized.number("position", UInt64.self))
    run = try finalized.optionalNumber("run")
    guard let figures = content.value?["figures"], case .object = figures else {
      throw .field("certificate.figures")
    }
    self.figures = figures
    guard let gaps = content.member("completeness").value?["accepted_gaps"] else {
      throw .field("certificate.completeness.accepted_gaps")
    }
    acceptedGaps = gaps
    guard let elements = content.member("log").value?["segments"]?.elements else {
      throw .field("certificate.log.segments")
    }
    segments = []
    for element in elements {
      let segment = Reader(element, "certificate.log.segments")
      guard let chain = UInt64(try segment.text("chain"), radix: 16) else {
        throw .field("certificate.log.segments.chain")
      }
      segments.append(
        Segment(
          number: try segment.number("number", UInt64.self),
          start: LogPosition(try segment.number("start", UInt64.self)),
          end: ChainPoint(
            position: LogPosition(try segment.number("end", UInt64.self)), chain: chain)))
    }
  }

  /// Reads members of an object that stands at a path.
  private struct Reader {
    let value: CanonicalJSON?
    let path: String

    init(_ value: CanonicalJSON?, _ path: String) {
      self.value = value
      self.path = path
    }

    func member(_ name: String) -> Reader { Reader(value?[name], "\(path).\(name)") }

    func text(_ name: String) throws(CertificateError) -> String {
      guard let text = value?[name]?.text else { throw .field("\(path).\(name)") }
      return text
    }

    func number<Number: FixedWidthInteger>(
      _ name: String, _: Number.Type
    ) throws(CertificateError) -> Number {
      switch value?[name] {
      case .number(let digits), .text(let digits):
        if let number = Number(digits) { return number }
      default: break
      }
      throw .field("\(path).\(name)")
    }

    func optionalNumber(_ name: String) throws(CertificateError) -> Int64? {
      if case .null = value?[name] { return nil }
      return try number(name, Int64.self)
    }
  }
}
