/// Upkeep of the key index that fails, which is tried again every second.
struct UpkeepTrouble {
  /// Milliseconds after which the same failure is logged again.
  private static let repetition: Int64 = 60_000
  /// Milliseconds without a failure after which it is over.
  private static let patience: Int64 = 10_000

  private var text: String?
  private var came: Int64 = 0
  private var told: Int64 = 0

  /// Notes a failure.
  ///
  /// - Parameter now: the monotonic clock in milliseconds.
  /// - Returns: whether it should be logged: it is another one, or was not told for a minute.
  mutating func note(_ failure: any Error, at now: Int64) -> Bool {
    let next = "\(failure)"
    defer { (text, came) = (next, now) }
    guard next != text || now - told >= Self.repetition else { return false }
    told = now
    return true
  }

  /// What an operator should look at; nil if the last failure was a while ago.
  func concern(at now: Int64) -> String? {
    guard let text, now - came < Self.patience else { return nil }
    return "upkeep of the key index fails, and usage is refused once its tables are full: \(text)"
  }
}
