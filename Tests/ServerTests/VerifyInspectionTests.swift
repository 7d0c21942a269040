import Dedup
import Foundation
import SegmentLog
import Testing
import Wire

@testable import Server

/// `weighbridge segments` on logs that are whole, torn and damaged.
@Suite struct VerifyInspectionTests {
  private let scratch: ScratchDirectory
  private let layout: DataDirectoryLayout
  private let files: PartitionFiles
  private let installation: Installation

  /// A log of three segments with two blocks each, the last one preallocated.
  init() throws {
    scratch = try ScratchDirectory()
    let directory = try DataDirectory(
      path: "\(scratch.path)/data", partitionCount: 1,
      now: Timestamp(milliseconds: 1_767_225_600_000))
    layout = directory.layout
    installation = directory.installation
    files = PartitionFiles(layout.partition(0))
    try files.prepare()
    var sealer = BlockSealer(continuing: .beginning)
    for number in UInt64(1)...3 {
      var bytes: [UInt8] = []
      SegmentHeader(
        installation: installation.id.bits, secretFingerprint: installation.secret.fingerprint,
        partition: 0, partitionCount: 1, number: number, start: sealer.end, createdAt: 5
      ).encode(into: &bytes)
      for block in 0..<2 {
        let keys = [UInt8](repeating: UInt8(number), count: 32)
        let columns = [UInt8](repeating: 7, count: 100)
        let header = unsafe sealer.seal(
          kind: .usage, entryCount: 10, firstArrival: Int64(number) * 1_000 + Int64(block),
          lastArrival: Int64(number) * 1_000 + 500, raw: keys.span.bytes,
          columns: columns.span.bytes)
        unsafe BlockEncoder().append(
          header, raw: keys.span.bytes, columns: columns.span.bytes, to: &bytes)
      }
      if number == 3 { bytes += [UInt8](repeating: 0, count: 4_096) }
      try write(bytes, number)
    }
    var mark: [UInt8] = []
    DurabilityMark(end: sealer.end).encode(into: &mark)
    try Data(mark).write(to: URL(fileURLWithPath: files.mark))
  }

  private func write(_ bytes: [UInt8], _ number: UInt64) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: files.segment(number)))
  }

  private func bytes(_ number: UInt64) throws -> [UInt8] {
    try FileContents.read(files.segment(number), limit: 1 << 20)
  }

  private func check() throws -> LogCheck { try SegmentInspection(layout).check() }

  @Test func aWholeLogIsWhole() throws {
    let check = try check()
    #expect(check.damages == [] && check.tornTail == nil)
    #expect(check.segments == 3 && check.blocks == 6 && check.entries == 60)
    #expect(check.end?.position == LogPosition(60))
    let report = try #require(try SegmentInspection(layout).report(2))
    #expect(report.header?.start.position == LogPosition(20))
    #expect(report.end?.position == LogPosition(40))
    #expect(report.entries == 20 && report.ending == .whole)
    #expect(report.firstArrival?.milliseconds == 2_000)
    #expect(report.lastArrival?.milliseconds == 2_500)
    #expect(report.contentBytes == report.fileBytes)
    let last = try #require(try SegmentInspection(layout).report(3))
    #expect(last.fileBytes == last.contentBytes + 4_096)
    #expect(try SegmentInspection(layout).report(4) == nil)
  }

  /// Every byte of a segment in the middle counts.
  @Test func everyChangedByteIsFound() throws {
    let whole = try bytes(2)
    for offset in whole.indices {
      var changed = whole
      changed[offset] ^= 0x10
      try write(changed, 2)
      #expect(try !check().damages.isEmpty, "byte \(offset)")
    }
    try write(whole, 2)
    #expect(try check().damages == [])
  }

  @Test func aDamageDoesNotHideTheNext() throws {
    for number in UInt64(1)...2 {
      var changed = try bytes(number)
      changed[changed.count - 1] ^= 1
      try write(changed, number)
    }
    #expect(try check().damages.count == 2)
  }

  @Test func aMissingSegmentIsNamed() throws {
    try FileManager.default.removeItem(atPath: files.segment(2))
    let damages = try check().damages
    #expect(damages.first?.contains("segment 2 is missing: segment 3 follows") == true)
    // The oldest ones may be gone: retention deletes them.
    try FileManager.default.removeItem(atPath: files.segment(1))
    #expect(try check().damages == [])
  }

  @Test func aTornTailBehindTheMarkIsNoDamage() throws {
    var torn = Array(try bytes(3).dropLast(4_096))
    torn += try bytes(1)[80..<130]
    try write(torn, 3)
    let found = try check()
    #expect(found.damages == [] && found.tornTail != nil)
    #expect(found.end?.position == LogPosition(60))
  }

  @Test func whatTheMarkCoversMustBeThere() throws {
    try write(Array(try bytes(3).dropLast(4_096 + 20)), 3)
    #expect(try check().damages.count == 1)
    // Cut between two blocks it ends cleanly, and too early all the same.
    let blocks = try #require(try SegmentInspection(layout).report(2)).blocks
    try write(Array(try bytes(3)[..<blocks[1].offset]), 3)
    #expect(try check().damages.first?.contains("markPosition") == true)
    for number in UInt64(1)...3 {
      try FileManager.default.removeItem(atPath: files.segment(number))
    }
    #expect(try check().damages.first?.contains("there is no segment") == true)
  }

  @Test func aSegmentOfAnotherInstallationIsRefused() throws {
    let other = Installation(partitionCount: 1, created: Timestamp(milliseconds: 0))
    try FileContents.replace(layout.installationFile, with: other.encoded, mode: 0o600)
    #expect(throws: CommandFailure.self) { try check() }
  }
}
