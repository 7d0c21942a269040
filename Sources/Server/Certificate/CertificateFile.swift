internal import Authentication
internal import Glibc

/// Certificates as files.
public enum CertificateFile {
  /// Reads a certificate and checks its signature.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - publicKey: the text of the key whose signature it must have.
  /// - Throws: ``CommandFailure`` if the key is none, or if the file cannot be read, is longer than
  ///   ``Certificate/maximumFileSize``, or is no certificate with that signature.
  public static func read(
    _ path: String, publicKey: String
  ) throws(CommandFailure) -> Certificate {
    guard let key = VerificationKey(publicKey) else {
      throw CommandFailure(
        "--public-key: found \(JSONText.quoted(publicKey)); allowed: \(VerificationKey.prefix) and "
          + "64 hexadecimal digits, as weighbridge certificate key prints it", exit: .usage)
    }
    let bytes: [UInt8]
    do throws(SystemCallError) {
      bytes = try FileContents.read(path, limit: Certificate.maximumFileSize)
    } catch {
      guard error.code == EFBIG else { throw CommandFailure("\(error)") }
      throw CommandFailure(
        "\(path) is no certificate: it has more than \(Certificate.maximumFileSize) bytes")
    }
    do throws(CertificateError) {
      return try Certificate(verifying: bytes, with: key)
    } catch {
      throw CommandFailure("\(path) is no valid certificate: \(error)")
    }
  }

  /// Puts a certificate in place at once: a file beside it is written, synced and renamed.
  ///
  /// - Throws: ``CommandFailure``; what was at the path is then unchanged.
  public static func write(_ bytes: [UInt8], to path: String) throws(CommandFailure) {
    do throws(SystemCallError) {
      try FileContents.replace(path, with: bytes, mode: 0o644)
    } catch {
      throw CommandFailure("\(error)")
    }
  }
}

/// The public key of an installation, for people and machines.
public struct CertificateKey: Sendable, Encodable {
  /// The key, as `certificate check` takes it.
  public let publicKey: String
  /// The SHA-256 of its bytes.
  public let fingerprint: String

  /// The key of a data directory.
  ///
  /// - Throws: ``CommandFailure`` if it has none, or if it cannot be read.
  public init(of layout: DataDirectoryLayout) throws(CommandFailure) {
    do throws(DataDirectoryError) {
      let key = try layout.readSigningKey().publicKey
      publicKey = "\(key)"
      fingerprint = key.fingerprint
    } catch {
      throw CommandFailure(error)
    }
  }
}

extension Certificate {
  /// The bytes of the file, signed with the key of a data directory.
  ///
  /// - Throws: ``CommandFailure`` if the key cannot be read, or if a figure in Postgres has no
  ///   place in a certificate.
  public func signed(in layout: DataDirectoryLayout) throws(CommandFailure) -> [UInt8] {
    let key: SigningKey
    do throws(DataDirectoryError) {
      key = try layout.readSigningKey()
    } catch {
      throw CommandFailure(error)
    }
    return try signed(with: key)
  }
}
