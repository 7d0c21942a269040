public import Dedup
import SegmentLog
public import Wire

extension Ledger {
  /// Begins to take usage after the log was replayed.
  ///
  /// Writes the configuration, and the first segment of a new log. With a clock that cannot be
  /// believed the ledger starts held.
  ///
  /// - Parameters:
  ///   - wall: the wall clock.
  ///   - monotonic: the monotonic clock, in milliseconds.
  /// - Throws: ``CalendarChange`` if a configured calendar moves a period that has begun. Nothing
  ///   is written then.
  public mutating func start(wall: Timestamp, monotonic: Int64) throws(CalendarChange) {
    _ = observe(wall: wall, monotonic: monotonic)
    dedup.advance(to: time.milliseconds, front: front)
    largestAhead = max(largestAhead, configuration.acceptanceAhead)
    try checkCalendars()
    let record = ConfigurationRecord(
      text: configuration.canonicalText, acceptanceBack: configuration.acceptanceBack,
      acceptanceAhead: configuration.acceptanceAhead, dedupWindow: configuration.dedup.window,
      calendars: configuration.calendars)
    guard record != configurationRecord else { return }
    configurationRecord = record
    append(.configuration(record))
  }

  /// Takes a tick: an idle ledger still closes its hours.
  ///
  /// - Parameters:
  ///   - wall: the wall clock.
  ///   - monotonic: the monotonic clock, in milliseconds.
  public mutating func tick(wall: Timestamp, monotonic: Int64) {
    guard observe(wall: wall, monotonic: monotonic) else { return }
    dedup.advance(to: time.milliseconds, front: front)
    closeHours()
  }

  /// Takes the next piece of the key index's upkeep, to be performed on another thread and handed
  /// back to ``finish(_:)``; nil while there is none.
  public mutating func takeUpkeep() -> DedupUpkeep? {
    dedup.takeUpkeep(
      synced: SyncedEnd(
        position: synced.position.rawValue, arrival: syncedArrival.milliseconds))
  }

  /// Takes back a piece of upkeep that was performed.
  public mutating func finish(_ upkeep: DedupUpkeep) { dedup.finish(upkeep) }

  /// Takes the error of the first piece of upkeep that failed since the last call; it is tried
  /// again.
  public mutating func takeUpkeepFailure() -> (any Error)? { dedup.takeFailure() }

  /// Why the ledger's time is held, or nil while it is not.
  public var clockHold: ClockGuard.Hold? { clock.hold }

  /// Believes the wall clock from now on, by an operator's word, which is logged.
  public mutating func confirmClock(wall: Timestamp, monotonic: Int64, operatorName: String) {
    let before = time
    clock.confirm(wall: wall, monotonic: monotonic)
    time = max(time, wall)
    append(.clockConfirmed(operatorName: operatorName, before: before, after: time))
  }

  /// Closes every hour whose grace has passed. On a new log the hours begin with the present one.
  private mutating func closeHours() {
    let due = Timestamp(
      milliseconds: time.milliseconds - configuration.closeGrace - Hour.milliseconds)
    guard due.milliseconds >= 0 else { return }
    let through = Hour(containing: due)
    if let closedThrough, through <= closedThrough { return }
    append(.hoursClosed(through: through, time: time))
    noteClosed(through: through)
  }

  mutating func noteClosed(through: Hour) {
    let first = closedThrough.map { $0.index + 1 } ?? through.index
    closedThrough = through
    guard first <= through.index else { return }
    pending.closedHours.append(contentsOf: (first...through.index).map { Hour(index: $0) })
  }
}
