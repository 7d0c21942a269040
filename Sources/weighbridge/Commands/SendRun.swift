import Client
import Foundation
import Server
import Wire

/// What a send has come to.
struct SendOutcome {
  var summary: SendSummary
  /// Lines that gave no record.
  var badLines: UInt64
  var seconds: Double
  /// Why it stopped early; nil if it came to the end.
  var failure: String?

  /// Whether everything was taken, now or before.
  var isComplete: Bool {
    failure == nil && badLines == 0 && summary.unsendable.isEmpty
      && summary.failedBatchCount == 0 && summary.verdicts[.rejected, default: 0] == 0
      && summary.verdicts[.conflict, default: 0] == 0
  }
}

/// Sends one input, and tells of bad lines and progress on the way.
final class SendRun {
  private let input: any UsageInput
  private let totalBytes: Int64?
  private let bar = ProgressLine()
  private let started = Date()
  private var badLines: UInt64 = 0

  init(input: any UsageInput, file: String) {
    self.input = input
    let attributes = try? FileManager.default.attributesOfItem(atPath: file)
    let isFile = attributes?[.type] as? FileAttributeType == .typeRegular
    totalBytes = isFile ? (attributes?[.size] as? NSNumber)?.int64Value : nil
  }

  /// Sends everything.
  func send(with sender: UsageSender) -> SendOutcome {
    do throws(SendError) {
      let summary = try sender.send(
        records: { () throws(InputFailure) in try self.next() }, progress: { self.show($0) })
      bar.clear()
      return outcome(summary, failure: nil)
    } catch {
      bar.clear()
      return outcome(error.summary, failure: error.description)
    }
  }

  private func outcome(_ summary: SendSummary, failure: String?) -> SendOutcome {
    SendOutcome(
      summary: summary, badLines: badLines, seconds: Date().timeIntervalSince(started),
      failure: failure)
  }

  /// The next record; bad lines are reported and passed over.
  private func next() throws(InputFailure) -> UsageRecord? {
    while let result = try input.next() {
      switch result {
      case .success(let record): return record
      case .failure(let error):
        badLines += 1
        bar.clear()
        Console.note(Table.printable("\(error)"))
      }
    }
    return nil
  }

  private func show(_ summary: SendSummary) {
    let seconds = max(Date().timeIntervalSince(started), 0.001)
    let acked = summary.recordsAcked
    // Of what was read, only what is settled is done.
    let settled = Double(acked + summary.failedRecords) / Double(max(summary.recordsRead, 1))
    bar.show(
      totalBytes.map { $0 == 0 ? 1 : settled * Double(input.bytesRead) / Double($0) },
      "\(NumberText.grouped(acked)) acked, \(NumberText.grouped(summary.recordsWaiting)) waiting, "
        + "\(NumberText.grouped(UInt64(Double(acked) / seconds)))/s")
  }
}
