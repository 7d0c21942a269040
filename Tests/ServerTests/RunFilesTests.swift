import Dedup
import Foundation
import SegmentLog
import Testing

@testable import Server

@Suite("Files of runs")
struct RunFilesTests {
  private func path(_ log: KeyedLog, _ name: String) -> String { "\(log.files.keys)/\(name)" }

  @Test func everyRunIsFoundByItsName() throws {
    let log = try KeyedLog(days: 7)
    let found = try RunFiles(log.files).open()
    #expect(found.damaged.isEmpty)
    let numbers = found.runs.map(\.header.number).sorted()
    #expect(numbers == [1, 2])
    #expect(try log.names() == numbers.map { SegmentNames.run($0) })
    // Other names are left alone.
    for name in ["1.wbr", "x", "00000000000000000007.wbs", "18446744073709551615.wbr"] {
      try Data([1]).write(to: URL(fileURLWithPath: path(log, name)))
    }
    #expect(try RunFiles(log.files).open().runs.count == 2)
    #expect(try log.names().count == 6)
  }

  @Test func whatACrashLeftUnfinishedIsRemoved() throws {
    let log = try KeyedLog(days: 7)
    let name = SegmentNames.run(9) + ".new"
    try Data(repeating: 1, count: 100).write(to: URL(fileURLWithPath: path(log, name)))
    let found = try RunFiles(log.files).open()
    #expect(found.runs.count == 2 && found.damaged.isEmpty)
    #expect(try log.names() == [SegmentNames.run(1), SegmentNames.run(2)])
  }

  @Test func whatIsDamagedIsSetAside() throws {
    let whole = try KeyedLog(days: 4)
    let source = URL(fileURLWithPath: path(whole, SegmentNames.run(1)))
    let bytes = try Data(contentsOf: source)
    var changed = bytes
    changed[bytes.count - 4_090] ^= 1
    var version = bytes
    version[4] = 9
    let damages: [Data] = [
      Data(), bytes.prefix(100), bytes.dropLast(4_096), bytes + Data(count: 4_096), changed,
      version,
    ]
    for damage in damages {
      try damage.write(to: source)
      let found = try RunFiles(whole.files).open()
      #expect(found.runs.isEmpty && found.damaged.count == 1)
      #expect(found.damaged.first?.error is RunError)
      #expect(found.damaged.first?.path == source.path + ".damaged")
      #expect(try Data(contentsOf: URL(fileURLWithPath: source.path + ".damaged")) == damage)
      #expect(try whole.names() == [SegmentNames.run(1) + ".damaged"])
      #expect(try RunFiles(whole.files).open().damaged.isEmpty)
    }
    // Under another number.
    try bytes.write(to: URL(fileURLWithPath: path(whole, SegmentNames.run(2))))
    #expect(try RunFiles(whole.files).open().damaged.count == 1)
  }

  @Test func aRunThatTheDiskDoesNotTakeLeavesNothing() throws {
    let log = try KeyedLog(days: 1)
    let store = RunFiles(log.files)
    #expect(throws: SystemCallError.self) { _ = try store.begin(5, byteCount: Int.max) }
    #expect(try log.names().isEmpty)
    // Given up half way.
    do {
      let file = try store.begin(5, byteCount: 1 << 16)
      let page = [UInt8](repeating: 7, count: 4_096)
      let span = page.span
      try file.append(unsafe span.bytes)
      #expect(try log.names() == [SegmentNames.run(5) + ".new"])
    }
    #expect(try log.names().isEmpty)
    store.remove(5)
  }
}
