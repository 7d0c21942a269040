public import Authentication
internal import Foundation
internal import Glibc

/// The file of the key that certificates are signed with: made once, at the first start that does
/// not find it.
enum SigningKeyFile {
  /// The newest format of the file that this version reads, and the one that it writes.
  static let format = 1

  /// The bytes of a key's file.
  static func encoded(_ key: SigningKey) -> [UInt8] {
    let lines = [
      "  \"format\": \(format)", "  \"algorithm\": \"ed25519\"",
      "  \"seed\": \"\(Hexadecimal.text(ofBytes: key.seed))\"",
    ]
    return Array("{\n\(lines.joined(separator: ",\n"))\n}\n".utf8)
  }

  /// Reads a key's file.
  ///
  /// - Throws: ``DataDirectoryError``; `insecure` if others than its owner may use it in any way.
  static func read(_ path: String) throws(DataDirectoryError) -> SigningKey {
    let status: FileStatus
    let bytes: [UInt8]
    do throws(SystemCallError) {
      status = try FileStatus(of: path)
      bytes = try FileContents.read(path, limit: 1 << 12)
    } catch {
      throw error.kind == .missing ? .signingKeyMissing(path: path) : .system(error)
    }
    guard status.isPrivate else {
      throw .insecure(
        path: path,
        fact: "its mode is \(status.modeText), and others may read its seed; chmod 600 \(path)")
    }
    return try key(bytes, path: path)
  }

  private static func key(
    _ bytes: [UInt8], path: String
  ) throws(DataDirectoryError) -> SigningKey {
    struct File: Decodable {
      var format: Int
      var algorithm: String
      var seed: String
    }
    guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)) else {
      throw .signingKeyMalformed(path: path, reason: "it needs format, algorithm and seed")
    }
    guard file.format == format, file.algorithm == "ed25519" else {
      throw .signingKeyMalformed(
        path: path,
        reason: "found format \(file.format) of \(JSONText.quoted(file.algorithm)); "
          + "this version reads format \(format) of ed25519")
    }
    guard let key = Hexadecimal.bytes(of: file.seed).flatMap(SigningKey.init(seed:)) else {
      throw .signingKeyMalformed(path: path, reason: "its seed is not 64 hexadecimal digits")
    }
    return key
  }
}

extension DataDirectoryLayout {
  /// Reads the key that certificates are signed with.
  ///
  /// - Throws: ``DataDirectoryError`` if it is missing, not readable, or readable by others.
  public func readSigningKey() throws(DataDirectoryError) -> SigningKey {
    try SigningKeyFile.read(signingKeyFile)
  }
}
