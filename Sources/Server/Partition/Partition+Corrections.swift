internal import Dedup
internal import Foundation
internal import Logging
internal import Metering
internal import SegmentLog
internal import Wire

extension Partition {
  /// Runs an action once everything that is in the ledger now is on stable storage.
  func whenSynced(_ action: @escaping () -> Void) {
    ledger.sealBlock()
    submit()
    let end = ledger.end.position
    if writer.synced.position >= end { return action() }
    afterSync.append((end, action))
  }

  /// Runs the actions that waited for this place.
  func runSynced(through synced: LogPosition) {
    guard afterSync.contains(where: { $0.end <= synced }) else { return }
    let due = afterSync.filter { $0.end <= synced }
    afterSync.removeAll { $0.end <= synced }
    for waiting in due { waiting.action() }
  }

  /// Looks for the records of a tenant's key in an hour, beside the loop.
  ///
  /// - Parameter action: called on the loop with what was found, once all that is in the ledger now
  ///   was looked through.
  func find(
    _ keys: [RecordKey], of tenant: String, in hour: Hour,
    then action: @escaping (Result<[FoundRecord], any Error>) -> Void
  ) {
    whenSynced { [unowned self] in
      let search = RecordSearch(
        tenant: tenant, keys: keys, hour: hour,
        segments: ledger.segments.filter { segment in
          UsageKind.allCases.contains { segment.hours[.init(hour: hour, kind: $0)] != nil }
        }.map(\.number), files: files)
      let found = SearchResult(action)
      DispatchQueue.global(qos: .utility).async { [home] in
        let result = Result { try search.find() }
        home.perform(from: nil) { found.hand(result) }
      }
    }
  }

  /// Voids or amends a record.
  ///
  /// - Parameters:
  ///   - amendment: what is different; nil voids it.
  ///   - isDryRun: whether nothing is changed.
  func correct(
    _ found: FoundRecord, _ amendment: Amendment?, isDryRun: Bool, operatorName: String,
    reason: String
  ) -> CorrectionReport {
    report {
      if isDryRun {
        let plan =
          try amendment.map {
            try ledger.plan(toAmend: found, $0, operatorName: operatorName, reason: reason)
          } ?? ledger.plan(toVoid: found, operatorName: operatorName, reason: reason)
        return CorrectionReport(plan, position: nil)
      }
      let logged =
        try amendment.map {
          try ledger.amend(found, $0, operatorName: operatorName, reason: reason)
        } ?? ledger.void(found, operatorName: operatorName, reason: reason)
      return CorrectionReport(logged.correction, position: logged.position.rawValue)
    }
  }

  /// Takes a quarantined record.
  ///
  /// - Parameter isDryRun: whether nothing is changed.
  func replay(
    _ record: UsageRecord, number: UInt64, isDryRun: Bool, operatorName: String, reason: String
  ) -> CorrectionReport {
    var report = report {
      if isDryRun {
        let plan = try ledger.plan(
          toReplay: record, quarantined: number, operatorName: operatorName, reason: reason)
        return CorrectionReport(plan, position: nil)
      }
      let logged = try ledger.replay(
        record, quarantined: number, operatorName: operatorName, reason: reason)
      return CorrectionReport(logged.correction, position: logged.position.rawValue)
    }
    report.quarantined = number
    return report
  }

  private func report(_ body: () throws -> CorrectionReport) -> CorrectionReport {
    do {
      let report = try body()
      submit()
      return report
    } catch let damage as RunError {
      stop(damaged: damage)
    } catch {
      return CorrectionReport(refusal: "\(error)")
    }
  }
}

/// Carries an action to another thread and back.
private final class SearchResult: @unchecked Sendable {
  private let action: (Result<[FoundRecord], any Error>) -> Void

  init(_ action: @escaping (Result<[FoundRecord], any Error>) -> Void) { self.action = action }

  func hand(_ result: Result<[FoundRecord], any Error>) { action(result) }
}
