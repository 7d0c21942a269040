import Foundation
import Testing
import Wire

@testable import Metering
@testable import Server
@testable import weighbridge

/// The numbers of the quarantine's entries, over rotation, restarts and torn lines.
@Suite struct QuarantineFileTests {
  private let scratch: ScratchDirectory
  private let directory: String

  init() throws {
    scratch = try ScratchDirectory()
    directory = "\(scratch.path)/quarantine"
  }

  private func entry(_ sequence: UInt64, key: String = "key") -> QuarantineEntry {
    QuarantineEntry(
      QuarantinedRecord(
        source: SourceIdentity(name: "source", epoch: 1), sequence: sequence, index: 0,
        arrival: Timestamp(milliseconds: 1_767_225_600_000), reason: .quantityNegative,
        tenant: "acme", kind: .traffic, operation: "read", contextType: nil, context: nil,
        time: Timestamp(milliseconds: 1_767_225_600_000), quantity: -1, key: key))
  }

  private func open(_ maximumBytes: Int = 1 << 20) -> QuarantineFile {
    QuarantineFile(directory: directory, maximumBytes: maximumBytes)
  }

  private var read: [QuarantineEntry] { QuarantineFile.read(in: directory) }
  private var newer: String { QuarantineFile.paths(in: directory)[1] }

  @Test func numbersGoOnOverRestarts() {
    #expect(read.isEmpty)
    let first = open()
    first.append([entry(10), entry(11)])
    first.append([entry(12)])
    open().append([entry(13)])
    #expect(read.map(\.number) == [1, 2, 3, 4])
    #expect(read.map(\.sequence) == [10, 11, 12, 13])
  }

  @Test func anEntryKeepsItsNumberWhenTheFileRotates() throws {
    let limit = 4_096
    let file = open(limit)
    var kept: [UInt64: UInt64] = [:]
    for sequence in 1...200 as ClosedRange<UInt64> {
      file.append([entry(sequence)])
      for entry in read {
        #expect(kept[entry.number] == nil || kept[entry.number] == entry.sequence)
        kept[entry.number] = entry.sequence
      }
    }
    #expect(kept.count == 200)
    let numbers = read.map(\.number)
    #expect(numbers.count < 100 && numbers == Array((201 - UInt64(numbers.count))...200))
    // Right behind a rotation the newer file may hold nothing that tells the number.
    try FileManager.default.removeItem(atPath: newer)
    let last = try #require(read.last).number
    open(limit).append([entry(999)])
    #expect(read.last?.number == last + 1)
  }

  @Test func manyEntriesAtOnceStayBelowTheLimit() throws {
    let file = open(1 << 16)
    file.append((0..<1_024).map { entry($0) })
    let size = try QuarantineFile.paths(in: directory).reduce(0) {
      try $0 + FileStatus(of: $1).size
    }
    #expect(size <= 1 << 16)
    #expect(read.last?.number == 1_024 && file.lost == 0)
    file.append([entry(1, key: String(repeating: "x", count: 1 << 15)), entry(2)])
    #expect(file.lost == 1)
    #expect(read.suffix(2).map(\.number) == [1_024, 1_026])
  }

  @Test func aTornLineTakesNoOtherWithIt() throws {
    open().append([entry(1), entry(2)])
    let whole = try Data(contentsOf: URL(fileURLWithPath: newer))
    try whole.dropLast(20).write(to: URL(fileURLWithPath: newer))
    open().append([entry(3)])
    #expect(read.map(\.sequence) == [1, 3])
    #expect(read.map(\.number) == [1, 2])
  }

  @Test func whatCannotBeWrittenIsCounted() throws {
    try scratch.write("", to: "quarantine")
    let file = open()
    file.append([entry(1), entry(2)])
    #expect(file.lost == 2)
    try FileManager.default.removeItem(atPath: directory)
    file.append([entry(3)])
    #expect(file.lost == 2 && read.map(\.sequence) == [3])
  }

  @Test func theListShowsTheNumbers() {
    let file = open()
    file.append([entry(7), entry(8)])
    #expect(QuarantineText.list([read[1]]).contains("\n    2  2026-01-01T00:00:00Z"))
    #expect(QuarantineText.text(read[1]).hasPrefix("entry      2\n"))
  }
}
