internal import Wire

/// What must come of the frames that were sent.
public struct Expectation {
  /// Sums that Postgres must hold, adjustments included.
  public var totals: [TenantKind: Totals] = [:]
  /// The verdicts that must come.
  public var verdicts = VerdictTotals()
  /// Conflicts that may read `duplicate`, because the index keeps 16 bits of a payload's digest.
  ///
  /// Of some hundred pairs of payloads in a load, hardly ever more than one has equal bits; then
  /// every batch that is made from its frame shows it. Three pairs are allowed.
  public private(set) var conflictsThatMayBeMissed: Int64 = 0

  /// What differs in the verdicts of acks; nil if nothing does.
  public func difference(from acked: VerdictTotals) -> String? {
    let missed = verdicts.conflict - acked.conflict
    var allowed = verdicts
    if (0...conflictsThatMayBeMissed).contains(missed) {
      allowed.conflict -= missed
      allowed.duplicate += missed
    }
    return acked == allowed ? nil : "verdicts expected: \(verdicts); acked: \(acked)"
  }

  /// Of everything that was sent from these pools.
  public init(_ pools: [FramePool]) {
    for pool in pools {
      for (frame, sums) in zip(pool.uses, pool.sums) where frame.uses > 0 {
        add(frame)
        for (subject, sum) in sums.fresh { totals[subject, default: Totals()] += sum * frame.uses }
        // The first time there was nothing to repeat.
        for (subject, sum) in sums.repeated { totals[subject, default: Totals()] += sum }
      }
    }
  }

  private mutating func add(_ frame: FramePool.Frame) {
    verdicts.duplicate += frame.duplicates * (frame.uses - 1)
    verdicts.conflict += frame.conflicts * (frame.uses - 1)
    verdicts.late += frame.late * frame.uses
    if frame.conflicts > 0 {
      conflictsThatMayBeMissed = max(conflictsThatMayBeMissed, 3 * frame.uses)
    }
    verdicts.accepted +=
      frame.records * frame.uses - frame.late * frame.uses
      - (frame.duplicates + frame.conflicts) * (frame.uses - 1)
  }
}

extension FramePool {
  /// Reads every frame with the service's decoder and says what is wrong with one.
  public func firstFault() -> String? {
    for index in 0..<count {
      let all = unsafe bytes(index)
      let bytes = unsafe all.bytes
      do throws(WireError) {
        let header = try FrameHeader(parsing: bytes, limits: .standard)
        var columns = UsageColumns()
        try columns.append(frame: bytes, header: header)
        for record in 0..<columns.count where columns.fault[record] != 0 {
          return "record \(record) of frame \(index) has fault \(columns.fault[record])"
        }
      } catch {
        return "frame \(index): \(error)"
      }
    }
    return nil
  }
}
