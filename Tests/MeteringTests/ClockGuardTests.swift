import Testing
import Wire

@testable import Metering

/// A guard that an expectation may change.
private final class Probe {
  private var clock: ClockGuard

  init(maximumAdvance: Int64) { clock = ClockGuard(maximumAdvance: maximumAdvance) }

  var hold: ClockGuard.Hold? { clock.hold }

  func observe(wall: Timestamp, monotonic: Int64, log: Timestamp?) -> Bool {
    clock.observe(wall: wall, monotonic: monotonic, log: log)
  }

  func confirm(wall: Timestamp, monotonic: Int64) {
    clock.confirm(wall: wall, monotonic: monotonic)
  }
}

@Suite("The guard of the clock")
struct ClockGuardTests {
  private let start = LedgerWorld.start
  private let day: Int64 = 86_400_000

  private func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

  @Test func aWildReadingHoldsAndItsReturnReleases() {
    let clock = Probe(maximumAdvance: 7 * day)
    #expect(clock.observe(wall: time(start), monotonic: 0, log: nil))
    #expect(clock.observe(wall: time(start + 70_000), monotonic: 10_000, log: time(start)))
    #expect(!clock.observe(wall: time(start + 70_001), monotonic: 10_000, log: time(start)))
    #expect(!clock.observe(wall: time(start + 365 * day), monotonic: 20_000, log: time(start)))
    #expect(
      clock.hold
        == ClockGuard.Hold(
          expected: time(start + 20_000), found: time(start + 365 * day), sinceStart: false))
    #expect(!clock.observe(wall: time(start - day), monotonic: 25_000, log: time(start)))
    #expect(clock.observe(wall: time(start + 30_000), monotonic: 30_000, log: time(start)))
    #expect(clock.hold == nil)
  }

  @Test func slowCorrectionsPass() {
    let clock = Probe(maximumAdvance: 7 * day)
    var wall = start
    var monotonic: Int64 = 0
    #expect(clock.observe(wall: time(wall), monotonic: monotonic, log: nil))
    for _ in 0..<100 {
      monotonic += 3_600_000
      wall += 3_600_000 + 50_000
      #expect(clock.observe(wall: time(wall), monotonic: monotonic, log: time(wall)))
    }
  }

  @Test func aStartFarFromTheLogHolds() {
    for (distance, isBelieved) in [
      (7 * day, true), (7 * day + 1, false), (-60_000, true), (-60_001, false),
    ] {
      let clock = Probe(maximumAdvance: 7 * day)
      let found = clock.observe(wall: time(start + distance), monotonic: 5, log: time(start))
      #expect(found == isBelieved)
      #expect(clock.hold?.sinceStart == (isBelieved ? nil : true))
    }
  }

  @Test func aHoldSinceTheStartEndsWhenTheClockComesBack() {
    let clock = Probe(maximumAdvance: 7 * day)
    #expect(!clock.observe(wall: time(start + 365 * day), monotonic: 0, log: time(start)))
    #expect(!clock.observe(wall: time(start + 365 * day), monotonic: 9, log: time(start)))
    #expect(clock.observe(wall: time(start + 10), monotonic: 10, log: time(start)))
    #expect(clock.hold == nil)
    #expect(clock.observe(wall: time(start + 20), monotonic: 20, log: time(start)))
  }

  @Test func anOperatorConfirms() {
    let clock = Probe(maximumAdvance: 7 * day)
    #expect(!clock.observe(wall: time(start + 365 * day), monotonic: 0, log: time(start)))
    clock.confirm(wall: time(start + 365 * day), monotonic: 1)
    #expect(clock.hold == nil)
    #expect(clock.observe(wall: time(start + 365 * day), monotonic: 2, log: time(start)))
  }

  @Test func extremeReadingsDoNotTrap() {
    let extremes: [Int64] = [.min, -1, 0, 1, .max]
    for wall in extremes {
      for monotonic in extremes {
        let clock = Probe(maximumAdvance: 7 * day)
        for second in extremes {
          _ = clock.observe(wall: time(wall), monotonic: monotonic, log: time(start))
          _ = clock.observe(wall: time(second), monotonic: second, log: time(start))
        }
      }
    }
  }

  @Test func aHeldLedgerRefusesAndItsTimeStands() throws {
    let world = LedgerWorld()
    let batch = TestBatch(sequence: 1, records: [.test(1)])
    let real = world.now
    world.ledger.tick(wall: time(real + 365 * day), monotonic: real)
    #expect(world.ledger.time == time(real))
    #expect(world.ledger.clockHold != nil)
    // The judged group reads the clock itself; it is back.
    #expect(try world.judge(batch).disposition == .judged)
    #expect(world.ledger.clockHold == nil)
    world.sync()
    world.crash()
    world.now = real + 8 * day
    try world.recover(starting: false)
    try world.ledger.start(wall: time(world.now), monotonic: world.now)
    let other = TestBatch(sequence: 2, records: [.test(2)])
    #expect(try world.judge([batch, other]).map(\.disposition) == [.resent, .refused(.clockHeld)])
    #expect(world.ledger.time == time(real))
    world.ledger.confirmClock(wall: time(world.now), monotonic: world.now, operatorName: "me")
    #expect(try world.judge(other).disposition == .judged)
    world.sync()
    world.crash()
    try world.recover()
    #expect(world.ledger.time == time(world.now))
  }
}
