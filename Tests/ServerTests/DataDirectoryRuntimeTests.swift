import Foundation
import Testing
import Wire

@testable import Server

@Suite struct DataDirectoryRuntimeTests {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  func open(_ name: String) throws -> DataDirectory {
    try DataDirectory(
      path: "\(scratch.path)/\(name)", partitionCount: 1, now: Timestamp(milliseconds: 0))
  }

  @Test func socketsFitIntoEveryLengthOfPath() throws {
    for length in [1, 20, 30, 31, 32, 60, 200] {
      let directory = try open(String(repeating: "d", count: length))
      let runtime = try directory.prepareRuntimeDirectory()
      let isNear = "\(directory.layout.path)/run/postgres/.s.PGSQL.5432".utf8.count <= 107
      #expect(runtime.hasPrefix("/tmp/weighbridge-") != isNear)
      #expect(isNear == (runtime == "\(directory.layout.path)/run"))
      let layout = directory.layout
      let control = layout.controlSocket(of: directory.installation)
      #expect(control == "\(runtime)/control" && control.utf8.count <= 107)
      let postgres = layout.postgresSocketDirectory(of: directory.installation)
      #expect("\(postgres)/.s.PGSQL.5432".utf8.count <= 107)
      #expect(try FileStatus(of: runtime).modeText == "0700")
      if !isNear { try FileManager.default.removeItem(atPath: runtime) }
    }
  }

  @Test func everyNameOfTheDirectoryLeadsToTheSameSocket() throws {
    let directory = try open("data")
    let link = "\(scratch.path)/\(String(repeating: "l", count: 120))"
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: directory.layout.path)
    for path in [link, "\(scratch.path)/./data/", directory.layout.path] {
      let layout = try DataDirectoryLayout(existing: path)
      let installation = try layout.readInstallation()
      #expect(
        layout.controlSocket(of: installation)
          == directory.layout.controlSocket(of: directory.installation))
    }
  }

  @Test func aStaleSocketIsRemoved() throws {
    let directory = try open("data")
    let runtime = try directory.prepareRuntimeDirectory()
    try scratch.write("", to: "data/run/control")
    #expect(try directory.prepareRuntimeDirectory() == runtime)
    #expect(!FileManager.default.fileExists(atPath: "\(runtime)/control"))
  }

  @Test func aDirectoryOfOthersIsRefused() throws {
    let directory = try open("data")
    let runtime = directory.layout.runtimeDirectory(of: directory.installation)
    func fault() -> String {
      do throws(DataDirectoryError) {
        _ = try directory.prepareRuntimeDirectory()
        return ""
      } catch {
        return "\(error)".replacingOccurrences(of: scratch.path, with: "DIR")
      }
    }
    let head = "the directory DIR/data/run is not safe to use: "
    try FileManager.default.createSymbolicLink(atPath: runtime, withDestinationPath: "/tmp")
    #expect(fault() == head + "it is not a directory; remove it")
    try FileManager.default.removeItem(atPath: runtime)
    #expect(fault() == "")
    _ = unsafe chmod(runtime, 0o777)
    #expect(fault() == head + "its mode is 0777, and others may write to it")
    _ = unsafe chmod(runtime, 0o700)
    // Only root can give a directory away.
    if unsafe chown(runtime, 65_534, 65_534) == 0 {
      #expect(fault() == head + "it belongs to user 65534, not to user 0")
    }
  }

  @Test func filesAreReplacedWhole() throws {
    let file = "\(scratch.path)/file"
    try FileContents.replace(file, with: [1, 2, 3], mode: 0o600)
    try scratch.write("left behind by a crash, and longer", to: "file.new", mode: 0o644)
    try FileContents.replace(file, with: [4], mode: 0o600)
    #expect(try FileContents.read(file, limit: 1) == [4])
    #expect(try FileStatus(of: file).modeText == "0600")
    #expect(!FileManager.default.fileExists(atPath: file + ".new"))
    #expect(throws: SystemCallError("read", file, code: EFBIG)) {
      try FileContents.read(file, limit: 0)
    }
    #expect(throws: SystemCallError("create", "/dev/null/x.new", code: ENOTDIR)) {
      try FileContents.replace("/dev/null/x", with: [], mode: 0o600)
    }
  }
}
