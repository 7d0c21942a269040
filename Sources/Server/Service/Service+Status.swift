internal import Database
internal import Dedup
internal import Glibc
internal import Metering
internal import Wire

extension Service {
  /// Hands over the state of everything.
  func whenReported(_ action: @escaping (ServiceStatus) -> Void) {
    askReceptions({ reception, answer in answer(reception.report()) }) {
      [unowned self] receptions in
      askPartitions({ partition, answer in answer(partition.report()) }) {
        [unowned self] partitions in
        action(status(receptions, partitions))
      }
    }
  }

  private func status(
    _ receptions: [ReceptionReport], _ partitions: [PartitionReport]
  ) -> ServiceStatus {
    let counters = receptions.map(\.counters).reduce(into: IngestCounters()) { $0.add($1) }
    let blocking = Self.sentences(partitions.map { ($0.number, [$0.blocking].compactMap(\.self)) })
    var concerns = Self.sentences(partitions.map { ($0.number, $0.concerns) })
    let missing = quarantine.lost + partitions.reduce(0) { $0 + $1.counters.notQuarantined }
    if missing > 0 { concerns.append("\(missing) rejected records are not in the quarantine") }
    let jobs = jobs?.status ?? JobRunner.Status()
    if jobs.counts.failedOfSchedules > 0 {
      concerns.append(
        "\(jobs.counts.failedOfSchedules) scheduled jobs were given up; see weighbridge jobs list")
    }
    let time = partitions.map(\.time).max() ?? Timestamp(milliseconds: 0)
    return ServiceStatus(
      isReady: blocking.isEmpty, concerns: blocking + concerns, process: getpid(),
      installation: "\(Hexadecimal.text(of: directory.installation.id.bits))",
      dataDirectory: directory.layout.path, started: started.text, time: time.text,
      ingest: ServiceStatus.Ingest(receptions, counters),
      verdicts: ServiceStatus.Verdicts(
        partitions.map(\.counters), counters, isDivided: !configuration.ingest.isSingle),
      sources: ServiceStatus.Sources(partitions.map { ($0.sourceCount, $0.gaps) }),
      log: log(partitions), dedup: dedup(partitions), flush: flush(partitions),
      hours: Self.hours(partitions), jobs: ServiceStatus.Jobs(jobs),
      partitions: partitions.map { ServiceStatus.Partition($0) })
  }

  /// What partitions say, each sentence once; one that not all of them say names its partitions.
  private static func sentences(_ said: [(number: UInt16, sentences: [String])]) -> [String] {
    var numbers: [String: [UInt16]] = [:]
    var order: [String] = []
    for (number, sentences) in said {
      for sentence in sentences {
        if numbers[sentence] == nil { order.append(sentence) }
        numbers[sentence, default: []].append(number)
      }
    }
    return order.map { sentence in
      let who = numbers[sentence] ?? []
      if who.count == said.count { return sentence }
      let names = who.map { "\($0)" }.joined(separator: ", ")
      return "partition \(names): \(sentence)"
    }
  }

  private func log(_ partitions: [PartitionReport]) -> ServiceStatus.Log {
    ServiceStatus.Log(
      segments: partitions.reduce(0) { $0 + $1.log.segments },
      bytes: partitions.reduce(0) { $0 + $1.log.bytes },
      position: partitions.reduce(0) { $0 + $1.log.position },
      synced: partitions.reduce(0) { $0 + $1.log.synced },
      syncs: partitions.reduce(0) { $0 + $1.log.syncs },
      queuedBytes: partitions.reduce(0) { $0 + $1.log.queuedBytes }, diskFree: diskFree,
      diskReserve: configuration.log.diskReserve)
  }

  private func dedup(_ partitions: [PartitionReport]) -> ServiceStatus.Dedup {
    ServiceStatus.Dedup(
      partitions.map(\.dedup), capacity: KeyCapacity(configuration),
      horizon: partitions.compactMap(\.horizon).max())
  }

  private func flush(_ partitions: [PartitionReport]) -> ServiceStatus.Flush {
    ServiceStatus.Flush(
      isPrivate: database.isPrivate, position: partitions.reduce(0) { $0 + $1.flushed },
      unflushedEntries: partitions.reduce(0) { $0 + $1.unflushedEntries },
      unflushedRows: partitions.reduce(0) { $0 + $1.unflushedRows },
      committed: partitions.reduce(0) { $0 + $1.flush.committed },
      rows: partitions.reduce(0) { $0 + $1.flush.rows },
      failures: partitions.reduce(0) { $0 + $1.flush.failures },
      lastError: partitions.lazy.compactMap(\.flush.lastError).first)
  }

  /// An hour is closed when every partition has closed it.
  private static func hours(_ partitions: [PartitionReport]) -> ServiceStatus.Hours {
    func last(_ hours: [Hour?]) -> String? {
      let known = hours.compactMap(\.self)
      return known.count == hours.count ? known.min()?.text : nil
    }
    return ServiceStatus.Hours(
      closedThrough: last(partitions.map(\.closedThrough)),
      flushedThrough: last(partitions.map(\.flushedThrough)))
  }
}
