import Authentication
import Foundation
import SegmentLog
import Testing
import Wire

@testable import Server

@Suite struct SigningKeyFileTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func open() throws(DataDirectoryError) -> DataDirectory {
    try DataDirectory(
      path: "\(scratch.path)/data", partitionCount: 1, now: Timestamp(milliseconds: 0))
  }

  private var file: String { "\(scratch.path)/data/\(SegmentNames.signingKey)" }

  private func fault() -> String {
    do throws(DataDirectoryError) {
      _ = try open()
      return ""
    } catch {
      return "\(error)".replacingOccurrences(of: scratch.path, with: "DIR")
    }
  }

  @Test func theFirstStartMakesAKeyThatStays() throws {
    var directory: DataDirectory? = try open()
    let key = try #require(directory?.certificateKey)
    #expect(directory?.isSigningKeyNew == true)
    #expect(try FileStatus(of: file).modeText == "0600")
    #expect(try directory?.layout.readSigningKey().publicKey == key)
    directory = nil
    let again = try open()
    #expect(!again.isSigningKeyNew && again.certificateKey == key)
    #expect(!FileManager.default.fileExists(atPath: file + ".new"))
  }

  @Test func aMissingKeyIsNamed() throws {
    var directory: DataDirectory? = try open()
    let before = try #require(directory)
    directory = nil
    try FileManager.default.removeItem(atPath: file)
    let message = "\(file) is missing"
    do throws(DataDirectoryError) {
      _ = try before.layout.readSigningKey()
      Issue.record("read a key that is not there")
    } catch {
      #expect("\(error)".hasPrefix(message), "\(error)")
    }
  }

  @Test func anOlderDirectoryKeepsItsIdentity() throws {
    var directory: DataDirectory? = try open()
    let (id, key) = try #require(directory.map { ($0.installation.id, $0.certificateKey) })
    directory = nil
    try FileManager.default.removeItem(atPath: file)
    let again = try open()
    #expect(!again.isNew && again.isSigningKeyNew)
    #expect(again.installation.id == id && again.certificateKey != key)
  }

  @Test(arguments: [0o640, 0o604, 0o620, 0o610, 0o644])
  func aKeyThatOthersMayUseIsRefused(mode: Int) throws {
    var directory: DataDirectory? = try open()
    #expect(directory != nil)
    directory = nil
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(
      fault()
        == "the directory DIR/data/signing-key.json is not safe to use: its mode is "
        + "0\(String(mode, radix: 8)), and others may read its seed; chmod 600 "
        + "DIR/data/signing-key.json")
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
  }

  @Test(arguments: [
    ("", "it needs format, algorithm and seed"), ("{}", "it needs format, algorithm and seed"),
    (
      "{\"format\": 2, \"algorithm\": \"ed25519\", \"seed\": \"\"}",
      "found format 2 of \"ed25519\"; this version reads format 1 of ed25519"
    ),
    (
      "{\"format\": 1, \"algorithm\": \"ed25519\", \"seed\": \"00\"}",
      "its seed is not 64 hexadecimal digits"
    ),
    (
      "{\"format\": 1, \"algorithm\": \"ed25519\", \"seed\": "
        + "\"\(String(repeating: "é", count: 64))\"}",
      "its seed is not 64 hexadecimal digits"
    ),
  ])
  func filesThatAreNoKey(text: String, reason: String) throws {
    var directory: DataDirectory? = try open()
    #expect(directory != nil)
    directory = nil
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    #expect(
      fault().hasPrefix("DIR/data/signing-key.json cannot be read: \(reason); "), "\(fault())")
  }
}
