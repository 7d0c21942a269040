internal import Authentication
internal import EventLoop
internal import Wire

extension SendSession {
  /// How long an ack may take to overtake the batch that it says is missing.
  private static let reorderMilliseconds: Int64 = 25

  /// Takes one frame from the service: checks its tag, then what it answers.
  func receive(_ frame: RawSpan) {
    do throws(WireError) {
      let header = try FrameHeader(parsing: frame, limits: .standard)
      guard header.type == .ack || header.type == .refusal else {
        summary.ignored.foreign += 1
        return
      }
      guard header.keyID == options.key?.id ?? .none,
        authenticator?.verify(header.tag(in: frame), of: header.authenticated(in: frame)) ?? true
      else {
        summary.ignored.wrongTag += 1
        return
      }
      if header.type == .ack {
        settle(try Ack(parsing: frame, header: header))
      } else {
        settle(try Refusal(parsing: frame, header: header))
      }
    } catch {
      summary.ignored.malformed += 1
    }
  }

  private func settle(_ ack: Ack) {
    do throws(ResendQueue.Fault) {
      let outcome = try queue.acknowledge(ack)
      count(outcome)
      guard case .settled = outcome else { return }
      let now = EventLoop.monotonicMilliseconds()
      lastProgress = now
      lastRefusal = nil
      summary.batchesAcked += 1
      for verdict in Verdict.allCases {
        summary.verdicts[verdict, default: 0] += UInt64(ack.receipt.counts[verdict])
      }
      if ack.receipt.counts.total == 0 {
        summary.recordsWithoutVerdict += UInt64(ack.receipt.received)
      }
      countRejections(ack)
      for range in ack.missing {
        queue.request(range, now: now, settleTime: Self.reorderMilliseconds)
      }
    } catch {
      stop(Self.reason(error))
    }
  }

  private func countRejections(_ ack: Ack) {
    var told: UInt64 = 0
    for run in ack.exceptions {
      guard run.code.verdict == .rejected, let reason = run.code.reason else { continue }
      summary.rejections[reason, default: 0] += UInt64(run.records.count)
      told += UInt64(run.records.count)
    }
    // An ack is only read if its runs add up to its counts, or are left out.
    summary.rejectionsWithoutReason += UInt64(ack.receipt.counts.rejected) - told
  }

  private func settle(_ refusal: Refusal) {
    let recordCount = queue.recordCount(of: refusal.header.sequence) ?? 0
    let now = EventLoop.monotonicMilliseconds()
    do throws(ResendQueue.Fault) {
      let outcome = try queue.refuse(refusal, now: now, jitter: .random(in: 0...(.max)))
      count(outcome)
      switch outcome {
      case .deferred:
        lastRefusal = refusal.reason
        summary.deferrals[refusal.reason, default: 0] += 1
      case .settled:
        lastProgress = now
        summary.failedBatchCount += 1
        summary.failedRecords += UInt64(recordCount)
        if summary.failedBatches.count < SendSummary.failedBatchLimit {
          summary.failedBatches.append(
            SendSummary.FailedBatch(
              sequence: refusal.header.sequence, recordCount: recordCount, code: refusal.code))
        }
      case .repeated, .neverSent, .foreign: break
      }
    } catch {
      stop(Self.reason(error))
    }
  }

  private func count(_ outcome: ResendQueue.Outcome) {
    switch outcome {
    case .settled, .deferred: break
    case .repeated: summary.ignored.repeated += 1
    case .neverSent: summary.ignored.neverSent += 1
    case .foreign: summary.ignored.foreign += 1
    }
  }

  private static func reason(_ fault: ResendQueue.Fault) -> SendError.Reason {
    switch fault {
    case .installationChanged(let first, let found):
      .installationChanged(first: first, found: found)
    case .receiptMismatch(let sequence, let sent, let receipt):
      .receiptMismatch(sequence: sequence, sent: sent, receipt: receipt)
    }
  }
}
