internal import Logging
internal import Metering

extension Partition {
  /// Begins a flush, if there is anything to flush and none is under way.
  @discardableResult
  func beginFlush() -> Bool {
    var random = SystemRandomNumberGenerator()
    let token = UInt128(random.next()) << 64 | UInt128(random.next())
    guard ledger.beginFlush(token: token) else { return false }
    submit()
    return true
  }

  /// Runs an action once everything that is in the ledger now is in Postgres.
  func whenFlushed(_ action: @escaping () -> Void) {
    if ledger.attempt != nil {
      afterFlush.append { [unowned self] in whenFlushed(action) }
    } else if beginFlush() {
      afterFlush.append(action)
    } else {
      action()
    }
  }

  /// Takes no more usage, and flushes what there is.
  func drain(_ action: @escaping () -> Void) {
    isDraining = true
    whenFlushed(action)
  }

  /// Hands a flush over that is ready, and takes the outcome of the one before.
  func advanceFlush() {
    if let batch = ledger.takeFlush() { flusher.flush(batch) }
    switch flusher.takeOutcome() {
    case .committed:
      ledger.flushCommitted()
      submit()
      removeOldSegments()
      let waiting = afterFlush
      afterFlush = []
      for action in waiting { action() }
    case .impossible(let error): onImpossible(error)
    case nil: break
    }
  }

  /// Removes the segments that nothing needs any more. Each flush may free some; without usage the
  /// close of each hour is flushed.
  private func removeOldSegments() {
    let removable = ledger.removableSegments(
      retention: configuration.log.retention.milliseconds)
    guard !removable.isEmpty else { return }
    do {
      try Manifest(files).append(removable)
      for segment in removable {
        try files.removeSegment(segment.number)
        ledger.segmentsRemoved(1)
      }
      logger.info("segments removed", metadata: ["count": "\(removable.count)"])
    } catch {
      logger.error("segments not removed", metadata: ["error": "\(error)"])
    }
  }
}
