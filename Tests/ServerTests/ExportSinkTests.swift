import Foundation
import Testing

@testable import Server

@Suite struct ExportSinkTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private var path: String { "\(scratch.path)/out" }
  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() }
  }

  @Test func aFileIsThereWhenItIsWhole() throws {
    try scratch.write("old", to: "out")
    let sink = try ExportSink(.file(path), compression: .none)
    let piece = String(repeating: "x", count: 50_000)
    for _ in 0..<4 { try sink.add(piece) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(try names == ["out", "out.part"])
    try sink.finish()
    #expect(try String(contentsOfFile: path, encoding: .utf8).utf8.count == 200_000)
    #expect(try names == ["out"] && FileStatus(of: path).modeText == "0600")
    #expect(sink.textBytes == 200_000 && sink.writtenBytes == 200_000)
  }

  @Test func whatIsGivenUpLeavesNothing() throws {
    try scratch.write("old", to: "out")
    var sink: ExportSink? = try ExportSink(.file(path), compression: .gzip)
    try sink?.add(String(repeating: "x", count: 200_000))
    sink = nil
    #expect(try names == ["out"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
  }

  @Test func theReserveOfTheDiskIsLeftFree() throws {
    try scratch.write("old", to: "out")
    let free = try FilePath.freeBytes(scratch.path)
    let sinks = [
      try ExportSink(.file(path), compression: .none, reserve: free / 2),
      try ExportSink(.file("\(path)2"), compression: .none, reserve: .max),
    ]
    for sink in sinks { try sink.add("x") }
    try sinks[0].finish()
    do throws(CommandFailure) {
      try sinks[1].finish()
      Issue.record("the reserve was taken")
    } catch {
      #expect(error.message.hasPrefix("cannot write \(path)2.part: "), "\(error)")
      #expect(error.message.hasSuffix("are free on its disk, and \(UInt64.max) stay free"))
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "x")
    #expect(try !names.contains("out2"))
  }

  @Test(arguments: ExportCompression.allCases)
  func nothingIsWrittenToNowhereButAllIsCounted(compression: ExportCompression) throws {
    let rows = (0..<50_000).map { "row \($0 % 7),\($0)\n" }
    let sinks = [
      try ExportSink(.nowhere, compression: compression),
      try ExportSink(.file(path), compression: compression),
    ]
    for sink in sinks {
      for row in rows { try sink.add(row) }
      try sink.finish()
    }
    #expect(sinks[0].writtenBytes == sinks[1].writtenBytes)
    #expect(try FileStatus(of: path).size == sinks[1].writtenBytes)
    #expect(sinks[0].textBytes == rows.reduce(0) { $0 + $1.utf8.count })
    #expect((sinks[0].writtenBytes < sinks[0].textBytes) == (compression != .none))
  }

  @Test(arguments: ["no/such/folder", "."])
  func aPlaceThatCannotBeWritten(name: String) {
    do throws(CommandFailure) {
      _ = try ExportSink(.file("\(scratch.path)/\(name)"), compression: .none)
      Issue.record("made \(name)")
    } catch {
      #expect(error.message.contains(scratch.path) && error.exit == .refused)
    }
  }
}
