public import EventLoop
public import Wire

/// What a ``UsageSender`` has done so far.
public struct SendSummary: Sendable, Equatable {
  /// A batch that was refused for good; nothing of it was counted.
  public struct FailedBatch: Sendable, Equatable {
    /// Its number.
    public var sequence: UInt64
    /// Its records.
    public var recordCount: Int
    /// The reason as it stands on the wire.
    public var code: UInt8

    /// The reason, or nil for one of a later version.
    public var reason: RefusalReason? { RefusalReason(rawValue: code) }
  }

  /// Records taken from the caller.
  public var recordsRead: UInt64 = 0
  /// Records that no service would take, by reason; they were not sent.
  public var unsendable: [RejectionReason: UInt64] = [:]
  /// Records in batches that were sent at least once.
  public var recordsSent: UInt64 = 0
  /// Batches that were sent at least once.
  public var batchesSent: UInt64 = 0
  /// How often a batch was sent again.
  public var batchesResent: UInt64 = 0
  /// Batches with an ack.
  public var batchesAcked: UInt64 = 0
  /// Records with an ack, by verdict; every verdict is there.
  public var verdicts: [Verdict: UInt64] = Dictionary(
    uniqueKeysWithValues: Verdict.allCases.map { ($0, 0) })
  /// Records with an ack that says that they were judged, but no longer how.
  public var recordsWithoutVerdict: UInt64 = 0
  /// Records that the service rejected, by reason.
  public var rejections: [RejectionReason: UInt64] = [:]
  /// Records that were rejected for a reason that the ack no longer told, or that is of a later
  /// version.
  public var rejectionsWithoutReason: UInt64 = 0
  /// Batches that were refused for good: the first ``failedBatchLimit`` of them.
  public var failedBatches: [FailedBatch] = []
  /// Batches that were refused for good.
  public var failedBatchCount: UInt64 = 0
  /// Records in batches that were refused for good.
  public var failedRecords: UInt64 = 0
  /// Answers that asked for patience, by reason; those of later versions have none.
  public var deferrals: [RefusalReason?: UInt64] = [:]
  /// What came back and settled nothing.
  public var ignored = IgnoredAnswers()
  /// Batches that wait for their answer.
  public var batchesWaiting = 0
  /// Records in batches that wait for their answer.
  public var recordsWaiting = 0
  /// The installation that answers, once it has.
  public var installation: InstallationID?

  /// The most failed batches that are listed.
  public static let failedBatchLimit = 100

  /// Nothing done yet.
  public init() {}

  /// Records with an ack, whatever its verdicts.
  public var recordsAcked: UInt64 { verdicts.values.reduce(recordsWithoutVerdict, +) }
}

/// Answers that settled nothing, by what they were.
public struct IgnoredAnswers: Sendable, Equatable {
  /// Not a whole frame, or one that the format does not allow.
  public var malformed: UInt64 = 0
  /// Not signed by the source's key.
  public var wrongTag: UInt64 = 0
  /// For another source or epoch, or no answer at all.
  public var foreign: UInt64 = 0
  /// For a batch that was never sent.
  public var neverSent: UInt64 = 0
  /// For a batch that was settled before.
  public var repeated: UInt64 = 0
}

/// Why a ``UsageSender`` stopped before everything was settled, and what it had done by then.
public struct SendError: Error, Sendable, CustomStringConvertible {
  /// Why it stopped.
  public enum Reason: Sendable, Equatable {
    /// The options contradict the format; the text says which.
    case options(String)
    /// A socket could not be opened.
    case transport(EventLoopError)
    /// The input could not be read any further. What was read before is settled.
    case input(InputFailure)
    /// No batch was issued or settled for this many milliseconds. The last trouble of the transport
    /// and the last refusal since the last ack, if any, say why.
    case noProgress(milliseconds: Int64, transport: String?, refusal: RefusalReason?)
    /// An answer came from another installation than the first one.
    case installationChanged(first: InstallationID, found: InstallationID)
    /// The service holds a receipt of another batch with this number: the epoch was used before.
    case receiptMismatch(sequence: UInt64, sent: Int, receipt: Int)
  }

  /// Why it stopped.
  public let reason: Reason
  /// What was done by then; `recordsWaiting` is what was sent and not acked.
  public let summary: SendSummary

  /// One sentence, with the number of records that have no ack.
  public var description: String {
    switch reason {
    case .options(let text): return text
    case .transport(let error): return "\(error)"
    case .input(let failure): return "\(failure)"
    case .noProgress(let milliseconds, let transport, let refusal):
      let causes = [refusal.map { "last refusal: \($0.name)" }, transport].compactMap { $0 }
      let cause = causes.isEmpty ? "" : " (" + causes.joined(separator: "; ") + ")"
      return "no progress for \(milliseconds) ms\(cause)\(waiting)"
    case .installationChanged(let first, let found):
      return "an answer came from installation \(Self.text(found)) and not from "
        + "\(Self.text(first)), which answered first\(waiting)"
    case .receiptMismatch(let sequence, let sent, let receipt):
      return "batch \(sequence) has \(sent) records, but the service holds a receipt for "
        + "\(receipt): the epoch was used before\(waiting)"
    }
  }

  /// What was sent and has no ack, as the end of the sentence.
  private var waiting: String {
    let (records, batches) = (summary.recordsWaiting, summary.batchesWaiting)
    if batches == 0 { return summary.batchesSent == 0 ? "; nothing was sent" : "" }
    return "; \(records) \(records == 1 ? "record" : "records") in \(batches) "
      + "\(batches == 1 ? "batch" : "batches") \(records == 1 ? "was" : "were") sent and not acked"
  }

  /// The 16 bytes in hexadecimal digits.
  private static func text(_ installation: InstallationID) -> String {
    let digits = String(installation.bits.byteSwapped, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}
