import Dedup
import Testing

@testable import Server

@Suite("A warning of a key index that fills")
struct RoomWarningTests {
  private static let hour: Int64 = 3_600_000

  @Test(
    "there is one from a day before on, and it grows more urgent",
    arguments: [
      (nil, nil), (24 * hour, nil), (24 * hour - 1, 1), (hour, 1), (hour - 1, 2), (300_000, 2),
      (299_999, 3), (0, 3),
    ] as [(Int64?, Int?)])
  func urgency(timeLeft: Int64?, urgency: Int?) {
    let warning = RoomWarning(DedupForecast(keysPerSecond: 7, timeLeft: timeLeft))
    #expect(warning?.urgency == urgency)
  }

  @Test("it says when, and at which rate")
  func text() {
    let warning = RoomWarning(DedupForecast(keysPerSecond: 12_000, timeLeft: 5 * Self.hour))
    #expect(
      warning?.text == "the key index is full in 5h at 12000 new records a second; usage is told "
        + "to retry later then")
  }
}
