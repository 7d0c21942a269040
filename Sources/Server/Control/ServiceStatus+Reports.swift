internal import Database
internal import Dedup
internal import Metering
internal import Wire

extension ServiceStatus.Ingest {
  /// What all receptions say together.
  init(_ receptions: [ReceptionReport], _ counters: IngestCounters) {
    var invalid = counters.invalid
    invalid["unknown_key"] = counters.unknownKey
    invalid["wrong_tag"] = counters.wrongTag
    invalid["wrong_authentication_mode"] = counters.wrongMode
    invalid["wrong_datagram_length"] = counters.wrongLength
    self.init(
      udp: receptions.first?.udp ?? [], tcp: receptions.first?.tcp ?? [],
      connections: receptions.reduce(0) { $0 + $1.connections },
      refusedConnections: receptions.reduce(0) { $0 + $1.refusedConnections },
      cutConnections: receptions.reduce(into: [:]) { sum, report in
        sum.merge(report.cutConnections, uniquingKeysWith: +)
      },
      frames: counters.frames, bytes: counters.bytes, heartbeats: counters.heartbeats,
      invalidFrames: invalid.filter { $0.value > 0 },
      kernelDrops: receptions.reduce(0) { $0 + $1.kernelDrops },
      droppedAnswers: receptions.reduce(0) { $0 + $1.droppedAnswers },
      waitingAnswers: receptions.reduce(0) { $0 + $1.waitingAnswers })
  }
}

extension ServiceStatus.Verdicts {
  /// What became of records and batches.
  ///
  /// - Parameter isDivided: whether each batch goes to every ledger, so that only receptions can
  ///   count batches.
  init(_ ledgers: [LedgerCounters], _ counters: IngestCounters, isDivided: Bool) {
    var records: [String: UInt64] = [:]
    var rejected: [String: UInt64] = [:]
    var refused: [String: UInt64] = [:]
    for ledger in ledgers {
      for verdict in Verdict.allCases {
        records[verdict.name, default: 0] += ledger.verdicts[Int(verdict.rawValue)]
      }
      for (reason, count) in ledger.rejections { rejected[reason.name, default: 0] += count }
      guard !isDivided else { continue }
      for (reason, count) in ledger.refusals { refused[reason.name, default: 0] += count }
    }
    for (reason, count) in counters.refused { refused[reason.name, default: 0] += count }
    self.init(
      batches: isDivided ? counters.batches : ledgers.reduce(0) { $0 + $1.batches },
      resent: isDivided ? counters.resent : ledgers.reduce(0) { $0 + $1.resent },
      records: records, rejected: rejected, refused: refused,
      overflowed: ledgers.reduce(0) { $0 + $1.overflowed })
  }
}

extension ServiceStatus.Sources {
  /// What partitions know of the same sources: a batch is missing if one of them misses it.
  init(_ partitions: [(known: Int, gaps: (count: Int, latest: [SourceGaps]))]) {
    var gaps: [SourceGaps] = []
    for found in partitions.flatMap(\.gaps.latest) {
      guard let place = gaps.firstIndex(where: { $0.source == found.source }) else {
        gaps.append(found)
        continue
      }
      if found.missingCount > gaps[place].missingCount { gaps[place] = found }
    }
    self.init(
      known: partitions.map(\.known).max() ?? 0,
      withGaps: max(gaps.count, partitions.map(\.gaps.count).max() ?? 0),
      gaps: gaps.prefix(Partition.namedGaps).map {
        ServiceStatus.Gaps(
          source: $0.source.name, epoch: $0.source.epoch, missing: $0.missingCount,
          first: $0.first.lowerBound, through: $0.first.upperBound)
      })
  }
}

extension ServiceStatus.Dedup {
  /// What the indexes of all partitions say together; one that is full refuses for all.
  init(_ partitions: [DedupStatistics], capacity: KeyCapacity, horizon: Timestamp?) {
    func sum(_ figure: (DedupStatistics) -> Int) -> Int { partitions.reduce(0) { $0 + figure($1) } }
    func mean(_ figure: (DedupStatistics) -> Double) -> Double {
      partitions.reduce(0) { $0 + figure($1) } / Double(max(1, partitions.count))
    }
    let (keys, bytes) = (sum(\.keys), sum(\.bytes))
    self.init(
      keys: keys, capacity: capacity.keys, boundBy: capacity.boundBy, bytes: bytes,
      bytesPerKey: keys == 0 ? 0 : Double(bytes) / Double(keys), sealedKeys: sum(\.sealedKeys),
      diskBytes: sum(\.diskBytes), load: mean(\.load), generations: sum(\.generations),
      runs: sum(\.runs), falsePositiveRate: mean(\.falsePositiveRate),
      keysPerSecond: sum(\.forecast.keysPerSecond),
      secondsLeft: partitions.compactMap(\.forecast.timeLeft).min().map { $0 / 1_000 },
      horizon: horizon?.text)
  }
}

extension ServiceStatus.Jobs {
  init(_ status: JobRunner.Status) {
    self.init(
      waiting: status.counts.waiting, running: status.counts.running,
      failed: status.counts.failed, lastError: status.lastError)
  }
}

extension ServiceStatus.Partition {
  init(_ report: PartitionReport) {
    self.init(
      number: Int(report.number), position: report.log.position, synced: report.log.synced,
      keys: report.dedup.keys, unflushedEntries: report.unflushedEntries,
      unflushedRows: report.unflushedRows, queuedBytes: report.log.queuedBytes)
  }
}
