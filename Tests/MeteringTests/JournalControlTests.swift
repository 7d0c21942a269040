import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Control entries")
struct JournalControlTests {
  private static let point = Checkpoint(position: LogPosition(1 << 60), chain: .max)
  private static let attempt = FlushAttempt(token: .max - 1, from: .beginning, to: point)
  private static let configuration = ConfigurationRecord(
    text: "a = 1\nb = ü", acceptanceBack: 253_402_300_799_999, acceptanceAhead: 0, dedupWindow: 1)

  static let snapshot = LedgerSnapshot(
    time: .latest, configuration: configuration, closedThrough: Hour(containing: .latest),
    horizon: Timestamp(milliseconds: 0), largestAhead: 3_600_000, checkpoint: point,
    attempt: attempt,
    tenants: [
      LedgerSnapshot.Tenant(
        name: "a", firstPeriod: .january, finalizedThrough: .latest),
      LedgerSnapshot.Tenant(name: "b", firstPeriod: nil, finalizedThrough: nil),
    ],
    sources: [
      LedgerSnapshot.Source(
        identity: SourceIdentity(name: "agent", epoch: .max), highestIssued: .max,
        lastArrival: .latest, sequences: [1, 2, 3])
    ])

  private static let following: LedgerSnapshot = {
    var following = snapshot
    following.previous = JournalSnapshotTests.segment
    return following
  }()

  static let entries: [ControlEntry] = [
    .snapshot(snapshot), .snapshot(following),
    .snapshot(
      LedgerSnapshot(
        time: Timestamp(milliseconds: 0), configuration: nil, closedThrough: nil, horizon: nil,
        largestAhead: 0, checkpoint: .beginning, attempt: nil, tenants: [], sources: [])),
    .configuration(configuration),
    .hoursClosed(through: Hour(index: 0), time: .latest),
    .periodFinalized(
      tenant: "acme", period: .latest, time: Timestamp(milliseconds: 1), operatorName: ""),
    .flushAttempt(attempt),
    .flushCommitted(token: 1, checkpoint: point),
    .clockConfirmed(operatorName: "me", before: Timestamp(milliseconds: 0), after: .latest),
  ]

  @Test(arguments: entries)
  func roundTripAndEveryTruncation(entry: ControlEntry) throws {
    let bytes = entry.encoded()
    let position = LogPosition(77)
    #expect(try ControlEntry(decoding: bytes, at: position) == entry)
    for length in 0..<bytes.count {
      do {
        _ = try ControlEntry(decoding: Array(bytes.prefix(length)), at: position)
        Issue.record("\(length) of \(bytes.count) bytes were taken")
      } catch {
        #expect(error.position == position)
      }
    }
    let longer: [UInt8] = bytes + [0]
    #expect(throws: JournalError.self) {
      _ = try ControlEntry(decoding: longer, at: position)
    }
  }

  @Test(arguments: entries)
  func changedBytesNeverTrap(entry: ControlEntry) throws {
    let bytes = entry.encoded()
    for place in bytes.indices {
      for value in UInt8.min...UInt8.max {
        var changed = bytes
        changed[place] = value
        let decoded = try? ControlEntry(decoding: changed, at: LogPosition(0))
        // Whatever is taken can be written again.
        if let decoded {
          #expect(try ControlEntry(decoding: decoded.encoded(), at: LogPosition(0)) == decoded)
        }
      }
    }
  }

  @Test func randomBytesNeverTrap() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<30_000 {
      var bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if !bytes.isEmpty { bytes[0] %= 10 }
      _ = try? ControlEntry(decoding: bytes, at: LogPosition(0))
    }
  }

  @Test func numbersOutsideTheCalendarAreNamed() {
    func problem(_ entry: ControlEntry) -> String? {
      do {
        _ = try ControlEntry(decoding: entry.encoded(), at: LogPosition(0))
        return nil
      } catch { return error.problem }
    }
    let time = Timestamp(milliseconds: 0)
    #expect(
      problem(.hoursClosed(through: Hour(index: -1), time: time))?.contains("the closed hour")
        == true)
    #expect(
      problem(.hoursClosed(through: Hour(index: .max), time: time))?.contains("the closed hour")
        == true)
    #expect(
      problem(.hoursClosed(through: Hour(index: 1), time: Timestamp(milliseconds: -1)))?
        .contains("a time of -1") == true)
    let outside = ControlEntry.periodFinalized(
      tenant: "a", period: BillingPeriod(month: -1), time: time, operatorName: "")
    #expect(problem(outside)?.contains("the period") == true)
  }
}
