import CanonicalLoad
import Server
import Wire

/// Latencies in milliseconds.
struct LatencyFigures: Codable {
  var p50: Double
  var p99: Double
  var p999: Double
  var highest: Double

  init(_ histogram: LatencyHistogram) {
    p50 = histogram.percentile(50)
    p99 = histogram.percentile(99)
    p999 = histogram.percentile(99.9)
    highest = histogram.highest
  }
}

/// From the ack of a record until it could be read in Postgres, in milliseconds.
struct VisibleFigures: Codable {
  var flushes: Int
  var milliseconds: LatencyFigures

  init?(flushes: Int, _ histogram: LatencyHistogram) {
    guard histogram.count > 0 else { return nil }
    self.flushes = flushes
    milliseconds = LatencyFigures(histogram)
  }
}

/// What the sender saw.
struct SenderFigures: Codable {
  var records: Int64
  var seconds: Double
  var recordsPerSecond: Double
  var recordsPerBatch: Double
  /// In a closed loop from the sending of a batch, on a schedule from when it was due.
  var ackMilliseconds: LatencyFigures
  /// Batches that were sent again, as a share of those sent: datagrams that were lost.
  var lossPercent: Double
  var resentBatches: Int64
  var repeatedReceipts: Int64
  var refusals: [String: Int64]
  var verdicts: VerdictTotals
  /// Acks whose tag was checked, in percent.
  var checkedTagsPercent: Double
  /// Datagrams that left in one buffer (UDP_SEGMENT).
  var datagramsPerBuffer: Int
  /// Processor time of the sending thread. It looks for work for a while before it sleeps, so this
  /// is no measure of how much more it could send.
  var processorPercent: Double
  var processorNanosecondsPerRecord: Double

  init(_ result: LoadResult, recordsPerBatch: Double) {
    let count = Double(max(result.ackedRecords, 1))
    records = result.ackedRecords
    seconds = result.seconds
    recordsPerSecond = count / max(result.seconds, 0.001)
    self.recordsPerBatch = recordsPerBatch
    ackMilliseconds = LatencyFigures(result.latency)
    lossPercent = Double(result.resentBatches) / Double(max(result.sentBatches, 1)) * 100
    resentBatches = result.resentBatches
    repeatedReceipts = result.repeatedReceipts
    refusals = Dictionary(
      uniqueKeysWithValues: result.refusals.map {
        (RefusalReason(rawValue: $0.key)?.name ?? "code \($0.key)", $0.value)
      })
    verdicts = result.verdicts
    checkedTagsPercent = Double(result.checkedTags) / Double(max(result.ackedBatches, 1)) * 100
    datagramsPerBuffer = result.group
    processorPercent = result.senderSeconds / max(result.seconds, 0.001) * 100
    processorNanosecondsPerRecord = result.senderSeconds / count * 1e9
  }
}

/// The thread that receives.
struct ReceiverFigures: Codable {
  /// Its processor time, of which one core has 100 percent.
  var nanosecondsPerRecord: Double
  var percent: Double

  /// - Parameters:
  ///   - process: its process, whose first thread it is.
  ///   - before: what the process had used before the load.
  init(_ process: Int32, since before: ProcessUsage, _ result: LoadResult) {
    let usage = ProcessUsage(of: process)
    let seconds = usage.threads[process, default: 0] - before.threads[process, default: 0]
    nanosecondsPerRecord = seconds / Double(max(result.ackedRecords, 1)) * 1e9
    percent = seconds / max(result.seconds, 0.001) * 100
  }
}

/// What the service was asked for before and after.
struct ServiceFigures: Codable {
  var kernelDrops: UInt64
  /// Processor time of all threads of the service; Postgres is not among them.
  var processorNanosecondsPerRecord: Double
  var residentBytes: Int
  var peakResidentBytes: Int
  /// Keys in the window, and the memory of their index.
  var keys: Int
  var indexBytesPerKey: Double
  /// By how much the resident memory grew, for each new key.
  var residentBytesPerKey: Double
  var logBytesPerRecord: Double
  var recordsPerSync: Double
  /// From the last ack until everything was in Postgres.
  var flushMilliseconds: Int64
  var visible: VisibleFigures?
}
