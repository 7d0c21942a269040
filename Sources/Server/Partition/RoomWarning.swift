internal import Dedup

/// Says that the key index will be full before long.
struct RoomWarning {
  /// Milliseconds that are left when it is worth saying, and saying again.
  private static let steps: [Int64] = [86_400_000, 3_600_000, 300_000]

  /// How many of the steps are reached, at least one.
  let urgency: Int
  /// What to say.
  let text: String

  /// Nil if there is room for the next day.
  init?(_ forecast: DedupForecast) {
    guard let left = forecast.timeLeft, left < Self.steps[0] else { return nil }
    urgency = Self.steps.count { left < $0 }
    let time = Duration.seconds(left / 1_000).text
    text =
      "the key index is full in \(time) at \(forecast.keysPerSecond) new records a second; usage "
      + "is told to retry later then"
  }
}
