public import Dedup
internal import Foundation
internal import Metering
public import SegmentLog
public import Wire

/// The identity of a data directory: made at the first start, never changed.
public struct Installation: Sendable, CustomStringConvertible {
  /// The id; every ack names it.
  public let id: InstallationID
  /// The secret that idempotency keys are hashed with.
  public let secret: HashSecret
  /// The number of partitions.
  public let partitionCount: UInt16
  /// When it was made.
  public let created: Timestamp

  /// The newest format of the file that this version reads, and the one that it writes.
  public static let format = 1

  /// The two halves of the secret; kept apart, since the secret gives nothing away.
  private let words: (k0: UInt64, k1: UInt64)

  /// A new installation with an id and a secret from the kernel's source of randomness.
  public init(partitionCount: UInt16, created: Timestamp) {
    var random = SystemRandomNumberGenerator()
    self.init(
      id: InstallationID(bits: UInt128(random.next()) << 64 | UInt128(random.next())),
      words: (random.next(), random.next()), partitionCount: partitionCount, created: created)
  }

  private init(
    id: InstallationID, words: (k0: UInt64, k1: UInt64), partitionCount: UInt16, created: Timestamp
  ) {
    self.id = id
    self.words = words
    secret = HashSecret(k0: words.k0, k1: words.k1)
    self.partitionCount = partitionCount
    self.created = created
  }

  /// What every segment header must repeat.
  public var identity: InstallationIdentity {
    InstallationIdentity(
      id: id.bits, secretFingerprint: secret.fingerprint, partitionCount: partitionCount)
  }

  /// Compares a segment's header with this installation.
  ///
  /// - Throws: ``DataDirectoryError/foreignSegment(path:recorded:found:)`` with both identities if
  ///   the installation, the secret or the partition count differs.
  public func check(_ header: SegmentHeader, path: String) throws(DataDirectoryError) {
    let found = InstallationIdentity(
      id: header.installation, secretFingerprint: header.secretFingerprint,
      partitionCount: header.partitionCount)
    guard found == identity else {
      throw .foreignSegment(path: path, recorded: identity, found: found)
    }
  }

  /// Everything but the secret.
  public var description: String { "\(identity), created \(created.text)" }

  /// The bytes of its file.
  var encoded: [UInt8] {
    let lines = [
      "  \"format\": \(Self.format)",
      "  \"id\": \"\(Hexadecimal.text(of: id.bits))\"",
      "  \"secret\": \"\(Hexadecimal.text(of: words.k0))\(Hexadecimal.text(of: words.k1))\"",
      "  \"partitions\": \(partitionCount)",
      "  \"created\": \"\(created.text)\"",
    ]
    return Array("{\n\(lines.joined(separator: ",\n"))\n}\n".utf8)
  }

  /// Reads the bytes of its file; `path` is for errors.
  init(decoding bytes: [UInt8], path: String) throws(DataDirectoryError) {
    struct Version: Decodable {
      var format: Int
    }
    struct File: Decodable {
      var id: String
      var secret: String
      var partitions: UInt16
      var created: String
    }
    func malformed(_ reason: String) -> DataDirectoryError {
      .installationMalformed(path: path, reason: reason)
    }
    let data = Data(bytes)
    guard let version = try? JSONDecoder().decode(Version.self, from: data).format, version > 0
    else { throw malformed("it is not a JSON object with a format") }
    guard version <= Self.format else {
      throw .installationTooNew(path: path, found: version, supported: Self.format)
    }
    guard let file = try? JSONDecoder().decode(File.self, from: data) else {
      throw malformed("it needs the texts id, secret and created, and the number partitions")
    }
    guard let id = Hexadecimal.number(UInt128.self, of: file.id) else {
      throw malformed("its id is not 32 hexadecimal digits")
    }
    guard let k0 = Hexadecimal.number(UInt64.self, of: String(file.secret.prefix(16))),
      let k1 = Hexadecimal.number(UInt64.self, of: String(file.secret.dropFirst(16)))
    else { throw malformed("its secret is not 32 hexadecimal digits") }
    guard file.partitions > 0 else { throw malformed("its partitions are 0") }
    guard let created = Timestamp(rfc3339: file.created) else {
      throw malformed("created is not a time")
    }
    self.init(
      id: InstallationID(bits: id), words: (k0, k1), partitionCount: file.partitions,
      created: created)
  }
}

extension Installation: CustomReflectable {
  /// The identity, so that no dump gives the secret away.
  public var customMirror: Mirror { Mirror(self, children: ["identity": "\(self)"]) }
}
