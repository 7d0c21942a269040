import SegmentLog
import Testing
import Wire

@testable import Metering

/// A log may have right checksums and times that no ledger could go on with.
@Suite struct LogDecoderTests {
  private static let times: [(Int64, isValid: Bool)] = [
    (.min, false), (-1, false), (0, true), (LedgerWorld.start, true),
    (Timestamp.latest.milliseconds, true), (Timestamp.latest.milliseconds + 1, false),
    (.max, false),
  ]

  private func segment(createdAt: Int64) -> [UInt8] {
    var bytes: [UInt8] = []
    SegmentHeader(
      installation: 42, secretFingerprint: 7, partition: 0, partitionCount: 1, number: 1,
      start: .beginning, createdAt: createdAt
    ).encode(into: &bytes)
    return bytes
  }

  @Test(arguments: times)
  func aSegmentBeginsBetween1970And9999(time: Int64, isValid: Bool) throws {
    let bytes = segment(createdAt: time)
    var decoder = LogDecoder()
    do {
      _ = try decoder.begin(bytes.span.raw, number: 1)
      #expect(isValid)
    } catch { #expect(error is JournalError && !isValid) }
  }

  @Test(arguments: times)
  func aBlockArrivesBetween1970And9999(time: Int64, isValid: Bool) throws {
    let columns = ControlEntry.snapshot(LedgerWorld().ledger.snapshot()).encoded()
    var sealer = BlockSealer(continuing: .beginning)
    let none: [UInt8] = []
    let header = sealer.seal(
      kind: .control, entryCount: 1, firstArrival: time, lastArrival: time, raw: none.span.raw,
      columns: columns.span.raw)
    var bytes = segment(createdAt: 0)
    BlockEncoder().append(header, raw: none.span.raw, columns: columns.span.raw, to: &bytes)
    var decoder = LogDecoder()
    var reader = try decoder.begin(bytes.span.raw, number: 1)
    do {
      while let next = try reader.next() { try decoder.decode(next, into: LoggedBlock()) }
      #expect(isValid)
    } catch { #expect(error is JournalError && !isValid) }
  }

  @Test(arguments: times)
  func windowsCanBeAddedToAnyTime(window: Int64, isValid: Bool) throws {
    for place in 0..<4 {
      var windows: [Int64] = [1, 1, 1, 1]
      windows[place] = window
      let record = ConfigurationRecord(
        text: "", acceptanceBack: windows[0], acceptanceAhead: windows[1],
        dedupWindow: windows[2])
      var snapshot = LedgerWorld().ledger.snapshot()
      snapshot.configuration = record
      snapshot.largestAhead = windows[3]
      let bytes = ControlEntry.snapshot(snapshot).encoded()
      do {
        _ = try ControlEntry(decoding: bytes, at: LogPosition(0))
        #expect(isValid)
      } catch { #expect(!isValid, "\(error)") }
    }
  }
}
