import Dedup
import Foundation
import SegmentLog
import Testing
import Wire

@testable import Server

@Suite struct DataDirectoryTests {
  let scratch: ScratchDirectory
  let path: String
  static let now = Timestamp(milliseconds: 1_767_225_600_123)

  init() throws {
    scratch = try ScratchDirectory()
    path = "\(scratch.path)/data"
  }

  func open(
    _ path: String? = nil, partitions: UInt16 = 1
  ) throws(DataDirectoryError) -> DataDirectory {
    try DataDirectory(path: path ?? self.path, partitionCount: partitions, now: Self.now)
  }

  /// The text of the error of opening, with DIR for the scratch directory; empty if none.
  func fault(_ path: String? = nil, partitions: UInt16 = 1) -> String {
    do throws(DataDirectoryError) {
      _ = try open(path, partitions: partitions)
      return ""
    } catch {
      return "\(error)".replacingOccurrences(of: scratch.path, with: "DIR")
    }
  }

  func mode(_ path: String) throws -> String { try FileStatus(of: path).modeText }

  @Test func firstStartMakesAnIdentityThatStays() throws {
    var directory: DataDirectory? = try open()
    let first = try #require(directory?.installation)
    #expect(directory?.isNew == true)
    #expect(first.created == Self.now && first.partitionCount == 1)
    // Postgres, which runs under another account if we are root, must be able to pass.
    #expect(try mode(path) == (geteuid() == 0 ? "0711" : "0700"))
    #expect(try mode("\(path)/\(SegmentNames.installation)") == "0600")
    #expect(try mode("\(path)/\(SegmentNames.lock)") == "0600")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
        SegmentNames.installation, SegmentNames.lock, SegmentNames.signingKey,
      ])
    directory = nil
    let again = try open()
    #expect(!again.isNew)
    #expect(again.installation.identity == first.identity)
    #expect(again.installation.created == first.created)
    #expect(try again.layout.readInstallation().identity == first.identity)
    let other = try open("\(scratch.path)/other").installation
    #expect(other.id != first.id && other.secret.fingerprint != first.secret.fingerprint)
  }

  @Test func theSecretIsNeverShown() throws {
    let installation = try open().installation
    let text = String(decoding: installation.encoded, as: UTF8.self)
    let secret = try #require(
      text.split(separator: "\"").first { $0.count == 32 && !text.contains("\"id\": \"\($0)\"") })
    var dumped = ""
    dump(installation, to: &dumped)
    let shown = dumped + "\(installation)" + String(reflecting: installation)
    #expect(!shown.contains(secret) && !shown.contains("k0") && shown.contains("fingerprint"))
    let half = try #require(Hexadecimal.number(UInt64.self, of: String(secret.prefix(16))))
    #expect(!shown.contains("\(half)"))
  }

  @Test func theFileIsReadByteByByte() throws {
    let text = """
      {"format": 1, "id": "000102030405060708090a0b0c0d0e0f",
       "secret": "0100000000000000ff00000000000080", "partitions": 3,
       "created": "2026-01-01T00:00:00.123Z"}
      """
    let installation = try Installation(decoding: Array(text.utf8), path: "f")
    #expect(installation.id.bits == 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100)
    #expect(
      installation.secret.fingerprint == HashSecret(k0: 1, k1: 0x8000_0000_0000_00ff).fingerprint)
    #expect(installation.partitionCount == 3 && installation.created == Self.now)
    let again = try Installation(decoding: installation.encoded, path: "f")
    #expect(again.identity == installation.identity && again.created == installation.created)
  }

  @Test(arguments: [
    ("", "it is not a JSON object with a format"), ("[]", "it is not a JSON object with a format"),
    ("{\"format\": 0}", "it is not a JSON object with a format"),
    ("{\"format\": 1}", "it needs the texts id, secret and created, and the number partitions"),
    ("ID=0", "its id is not 32 hexadecimal digits"),
    ("ID=\(String(repeating: "é", count: 32))", "its id is not 32 hexadecimal digits"),
    ("SECRET=\(String(repeating: "0", count: 31))", "its secret is not 32 hexadecimal digits"),
    ("SECRET=\(String(repeating: "0", count: 33))", "its secret is not 32 hexadecimal digits"),
    ("PARTITIONS=0", "its partitions are 0"),
    ("PARTITIONS=70000", "it needs the texts id, secret and created, and the number partitions"),
    ("CREATED=yesterday", "created is not a time"),
  ])
  func badIdentities(text: String, reason: String) throws {
    var fields = [
      "ID": String(repeating: "1", count: 32), "SECRET": String(repeating: "2", count: 32),
      "PARTITIONS": "1", "CREATED": "2026-01-01T00:00:00Z",
    ]
    var file = text
    let parts = text.split(separator: "=").map(String.init)
    if parts.count == 2 {
      fields[parts[0]] = parts[1]
      file =
        "{\"format\": 1, \"id\": \"\(fields["ID"] ?? "")\", "
        + "\"secret\": \"\(fields["SECRET"] ?? "")\", "
        + "\"partitions\": \(fields["PARTITIONS"] ?? ""), "
        + "\"created\": \"\(fields["CREATED"] ?? "")\"}"
    }
    _ = try open()
    try scratch.write(file, to: "data/\(SegmentNames.installation)")
    #expect(
      fault() == "DIR/data/installation.json cannot be read: \(reason); restore it from a backup")
  }

  @Test func aLaterFormatIsRefused() throws {
    _ = try open()
    try scratch.write("{\"format\": 2, \"new\": true}", to: "data/\(SegmentNames.installation)")
    #expect(
      fault() == "DIR/data/installation.json has format 2, and this version reads up to 1; use the "
        + "version that wrote it")
  }

  @Test func placesThatCannotBeUsed() throws {
    let file = try scratch.write("", to: "file")
    #expect(
      fault("\(scratch.path)/a/b") == "the data directory DIR/a/b cannot be created, because DIR/a "
        + "does not exist; create it (mkdir -p DIR/a), or choose another place with "
        + "--data-directory")
    let notADirectory = "is not a directory; choose another place with --data-directory"
    #expect(fault(file) == "the data directory DIR/file \(notADirectory)")
    #expect(fault("\(file)/x") == "the data directory DIR/file/x \(notADirectory)")
    // Nobody, not even root, can create a directory in /proc.
    #expect(
      fault("/proc/weighbridge") == "the data directory /proc/weighbridge is not writable (cannot "
        + "create /proc/weighbridge: No such file or directory); run as its owner, or "
        + "choose another place with --data-directory")
    #expect(
      fault("/sys").hasPrefix("the data directory /sys is not writable (cannot create /sys/lock: "))
  }

  @Test func othersMayNotWriteOrReadSecrets() throws {
    _ = try open()
    _ = unsafe chmod(path, 0o770)
    #expect(
      fault()
        == "the directory DIR/data is not safe to use: its mode is 0770, and others may write "
        + "to it; chmod 700 DIR/data")
    _ = unsafe chmod(path, 0o711)
    #expect(fault() == "")
    _ = unsafe chmod("\(path)/\(SegmentNames.installation)", 0o604)
    #expect(
      fault()
        == "the directory DIR/data/installation.json is not safe to use: its mode is 0604, and "
        + "others may read its secret; chmod 600 DIR/data/installation.json")
  }

  @Test func oneProcessAtATime() throws {
    var first: DataDirectory? = try open()
    #expect(first?.layout.lockHolder == getpid())
    #expect(
      fault()
        == "the data directory DIR/data is in use by process \(getpid()); stop that one first, "
        + "or choose another place with --data-directory")
    try scratch.write("", to: "data/\(SegmentNames.lock)")
    #expect(fault().contains("in use by another process;"))
    first = nil
    #expect(fault() == "")
  }

  @Test func theLockIsNotInherited() throws {
    let directory = try open()
    let files = FileManager.default
    let descriptor = try #require(
      try files.contentsOfDirectory(atPath: "/proc/self/fd").first {
        (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))
          == directory.layout.lockFile
      })
    #expect(fcntl(try #require(Int32(descriptor)), F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func aLogWithoutItsIdentityIsRefused() throws {
    var directory: DataDirectory? = try open()
    let layout = try #require(directory?.layout)
    directory = nil
    try FileManager.default.createDirectory(
      atPath: layout.partition(0), withIntermediateDirectories: true)
    try FileManager.default.removeItem(atPath: layout.installationFile)
    let expected =
      "DIR/data/installation.json is missing although there is a log beside it; restore it from a "
      + "backup: without it no key in the log would be recognised"
    #expect(fault() == expected)
    #expect(throws: DataDirectoryError.installationMissing(path: layout.installationFile)) {
      try layout.readInstallation()
    }
    #expect(!FileManager.default.fileExists(atPath: layout.installationFile))
  }

  @Test func aChangedPartitionCountIsRefused() throws {
    _ = try open()
    #expect(
      fault(partitions: 4)
        == "DIR/data was created with ingest.partitions 1, and the configuration "
        + "says 4; the number cannot change")
  }

  @Test func segmentsOfAnotherInstallationAreRefused() throws {
    let installation = try open().installation
    let good = SegmentHeader(
      installation: installation.id.bits, secretFingerprint: installation.secret.fingerprint,
      partition: 0, partitionCount: 1, number: 0, start: .beginning, createdAt: 0)
    try installation.check(good, path: "s")
    for change in [
      { (header: inout SegmentHeader) in header.installation ^= 1 },
      { $0.secretFingerprint ^= 1 }, { $0.partitionCount = 2 },
    ] {
      var header = good
      change(&header)
      let found = InstallationIdentity(
        id: header.installation, secretFingerprint: header.secretFingerprint,
        partitionCount: header.partitionCount)
      let error = DataDirectoryError.foreignSegment(
        path: "s", recorded: installation.identity, found: found)
      #expect(throws: error) { try installation.check(header, path: "s") }
      let facts =
        found.secretFingerprint == installation.secret.fingerprint
        ? ["\(installation.identity)", "\(found)", "belongs to another installation"]
        : [
          HashSecret.text(ofFingerprint: header.secretFingerprint),
          HashSecret.text(ofFingerprint: installation.secret.fingerprint), "the secret was changed",
        ]
      for fact in facts { #expect("\(error)".contains(fact), "\(error)") }
    }
  }

  @Test func withoutADirectoryCommandsSaySo() {
    #expect(throws: DataDirectoryError.missing(path: path)) {
      try DataDirectoryLayout(existing: path)
    }
    #expect(
      "\(DataDirectoryError.missing(path: "/d"))" == "there is no data directory /d; weighbridge "
        + "serve creates it, or name another one with --data-directory")
    #expect(throws: DataDirectoryError.notADirectory(path: "/dev/null")) {
      try DataDirectoryLayout(existing: "/dev/null")
    }
  }

  @Test func freeSpaceIsThatOfTheDisk() throws {
    let directory = try open()
    let free = try directory.freeBytes()
    #expect(free > 0 && free < 1 << 60)
  }
}
