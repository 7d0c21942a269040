import SegmentLog

/// What was corrected already, as far as the log is kept.
struct CorrectedRecords {
  /// Positions of records that are void.
  private(set) var voided: Set<LogPosition> = []
  /// The positions of the corrections that took quarantined records, by the records' numbers.
  private(set) var replayed: [UInt64: LogPosition] = [:]

  var count: Int { voided.count + replayed.count }

  mutating func insert(_ subject: Correction.Subject, at position: LogPosition) {
    switch subject {
    case .record(let position): voided.insert(position)
    case .quarantined(let number): replayed[number] = position
    }
  }

  /// Forgets what stands in segments that are gone.
  mutating func removeAll(before position: LogPosition) {
    voided = voided.filter { $0 >= position }
    replayed = replayed.filter { $0.value >= position }
  }

  mutating func restore(_ snapshot: LedgerSnapshot) {
    voided = Set(snapshot.voided)
    replayed = Dictionary(snapshot.replayed.map { ($0.number, $0.position) }) { $1 }
  }
}
