internal import Dedup
internal import EventLoop
internal import Glibc
internal import Logging
internal import Metering
internal import SegmentLog
internal import Wire

extension Service {
  /// Answers a control request.
  func handle(_ exchange: ControlExchange) {
    switch exchange.request.command {
    case .status: exchange.answer(ControlResponse(status: status()))
    case .flush: whenFlushed { exchange.answer(ControlResponse()) }
    case .finalize: finalize(exchange)
    case .clock: exchange.answer(ControlResponse(clock: clock(exchange.request)))
    }
  }

  private func finalize(_ exchange: ControlExchange) {
    let request = exchange.request
    guard let text = request.period, let period = try? BillingPeriod(parsing: text) else {
      exchange.answer(
        ControlResponse(
          error: "the period is \(request.period ?? "missing"); "
            + "a month such as 2026-01 is allowed"))
      return
    }
    let operatorName = request.operatorName ?? "unknown"
    whenFlushed { [unowned self] in
      // It cannot be undone: nobody finds it done later who had given it up.
      guard exchange.isAwaited else {
        logger.notice(
          "finalize given up: the command has ended before the flush; nothing is finalized",
          metadata: ["period": "\(period.text)", "operator": "\(operatorName)"])
        return
      }
      let tenants = request.tenant.map { [$0] } ?? path.ledger.tenantsOpen(in: period)
      var results: [FinalizeResult] = []
      for tenant in tenants {
        do throws(FinalizeRefusal) {
          try path.ledger.finalize(period, tenant: tenant, operatorName: operatorName)
          results.append(FinalizeResult(tenant: tenant))
        } catch {
          results.append(FinalizeResult(tenant: tenant, refusal: error.description))
        }
      }
      logger.notice(
        "finalize",
        metadata: [
          "period": "\(period.text)", "operator": "\(operatorName)",
          "finalized": "\(results.count { $0.refusal == nil })",
          "refused": "\(results.count { $0.refusal != nil })",
        ])
      whenFlushed { exchange.answer(ControlResponse(finalized: results)) }
    }
  }

  private func clock(_ request: ControlRequest) -> ClockReport {
    let wall = Timestamp(milliseconds: EventLoop.wallMilliseconds())
    let before = path.ledger.time
    let wasHeld = path.ledger.clockHold != nil
    let isConfirmed = request.confirm == true && wasHeld
    if isConfirmed {
      let name = request.operatorName ?? "unknown"
      path.ledger.confirmClock(
        wall: wall, monotonic: EventLoop.monotonicMilliseconds(), operatorName: name)
      logger.notice(
        "clock confirmed",
        metadata: ["operator": "\(name)", "log": "\(before.text)", "wall": "\(wall.text)"])
    }
    return ClockReport(
      log: before.text, wall: wall.text, isHeld: wasHeld, isConfirmed: isConfirmed)
  }

  /// The state of everything.
  func status() -> ServiceStatus {
    let concerns = self.concerns
    let hours = ServiceStatus.Hours(
      closedThrough: path.ledger.closedThrough?.text,
      flushedThrough: path.ledger.flushedClosedThrough?.text)
    return ServiceStatus(
      isReady: concerns.blocking.isEmpty, concerns: concerns.blocking + concerns.other,
      process: getpid(), installation: "\(Hexadecimal.text(of: directory.installation.id.bits))",
      dataDirectory: directory.layout.path, started: started.text, time: path.ledger.time.text,
      ingest: ingestStatus(), verdicts: verdictStatus(), sources: sourceStatus(),
      log: logStatus(), dedup: dedupStatus(), flush: flushStatus(), hours: hours)
  }

  /// How many sources with gaps are named.
  private static let namedGaps = 10

  private func sourceStatus() -> ServiceStatus.Sources {
    let found = path.ledger.sourceGaps(limit: Self.namedGaps)
    return ServiceStatus.Sources(
      known: path.ledger.sourceCount, withGaps: found.count,
      gaps: found.latest.map {
        ServiceStatus.Gaps(
          source: $0.source.name, epoch: $0.source.epoch, missing: $0.missingCount,
          first: $0.first.lowerBound, through: $0.first.upperBound)
      })
  }

  /// Flush intervals after which a flush that has not ended is a concern.
  private static let slowFlush: Int64 = 10

  /// Why usage is not taken, and what else an operator should look at.
  private var concerns: (blocking: [String], other: [String]) {
    var blocking: [String] = []
    var other: [String] = []
    if let hold = path.ledger.clockHold {
      blocking.append(
        "the clock is held: expected about \(hold.expected.text), found \(hold.found.text); "
          + "see weighbridge clock confirm")
    } else if let refusal = path.ledger.refusal {
      blocking.append("usage is refused: \(refusal.name)")
    } else if !path.ledger.hasRoom {
      blocking.append("usage is refused: \(RefusalReason.keyIndexFull.name)")
    } else if path.ledger.unflushedRows >= configuration.flush.maximumRows {
      blocking.append("usage is refused: \(RefusalReason.flushBacklog.name)")
    }
    let flush = flusher.status
    if let error = flush.lastError {
      other.append("Postgres is not written: \(error)")
    } else if let began = flush.began {
      let waited = EventLoop.monotonicMilliseconds() - began
      if waited >= Self.slowFlush * configuration.flush.interval.milliseconds {
        other.append("Postgres is slow: a flush has not ended for \(waited / 1_000) s")
      }
    }
    let missing = quarantine.lost + path.ledger.counters.notQuarantined
    if missing > 0 { other.append("\(missing) rejected records are not in the quarantine") }
    return (blocking, other)
  }

  private func ingestStatus() -> ServiceStatus.Ingest {
    let counters = path.counters
    var invalid = counters.invalid
    invalid["unknown_key"] = counters.unknownKey
    invalid["wrong_tag"] = counters.wrongTag
    invalid["wrong_authentication_mode"] = counters.wrongMode
    invalid["wrong_datagram_length"] = counters.wrongLength
    return ServiceStatus.Ingest(
      udp: endpoints.map { "\($0.localAddress)" }, tcp: listeners.map { "\($0.localAddress)" },
      connections: listeners.reduce(0) { $0 + $1.connectionCount },
      refusedConnections: listeners.reduce(0) { $0 + $1.refusedConnections },
      cutConnections: cutConnections,
      frames: counters.frames, bytes: counters.bytes, heartbeats: counters.heartbeats,
      invalidFrames: invalid.filter { $0.value > 0 },
      kernelDrops: endpoints.reduce(0) { $0 + $1.kernelDrops },
      droppedAnswers: endpoints.reduce(0) { $0 + $1.statistics.framesDropped },
      waitingAnswers: path.waitingAnswers)
  }

  private func verdictStatus() -> ServiceStatus.Verdicts {
    let counters = path.ledger.counters
    var records: [String: UInt64] = [:]
    for verdict in Verdict.allCases {
      records[verdict.name] = counters.verdicts[Int(verdict.rawValue)]
    }
    var refused: [String: UInt64] = [:]
    for (reason, count) in counters.refusals { refused[reason.name, default: 0] += count }
    for (reason, count) in path.counters.refused { refused[reason.name, default: 0] += count }
    var rejected: [String: UInt64] = [:]
    for (reason, count) in counters.rejections { rejected[reason.name] = count }
    return ServiceStatus.Verdicts(
      batches: counters.batches, resent: counters.resent, records: records, rejected: rejected,
      refused: refused, overflowed: counters.overflowed)
  }

  private func logStatus() -> ServiceStatus.Log {
    ServiceStatus.Log(
      segments: path.ledger.segments.count,
      bytes: path.ledger.segments.reduce(0) { $0 + $1.byteCount },
      position: path.ledger.end.position.rawValue, synced: writer.synced.position.rawValue,
      syncs: writer.syncs, queuedBytes: writer.queuedBytes, diskFree: diskFree,
      diskReserve: configuration.log.diskReserve)
  }

  private func dedupStatus() -> ServiceStatus.Dedup {
    let statistics = path.ledger.dedupStatistics
    return ServiceStatus.Dedup(
      keys: statistics.keys, maximumKeys: configuration.dedup.maximumKeys,
      bytes: statistics.bytes, generations: statistics.generations,
      horizon: path.ledger.horizon?.text)
  }

  private func flushStatus() -> ServiceStatus.Flush {
    let status = flusher.status
    return ServiceStatus.Flush(
      isPrivate: database.isPrivate, position: path.ledger.checkpoint.position.rawValue,
      unflushedEntries: path.ledger.unflushedEntries, unflushedRows: path.ledger.unflushedRows,
      committed: status.committed, rows: status.rows, failures: status.failures,
      lastError: status.lastError)
  }
}
