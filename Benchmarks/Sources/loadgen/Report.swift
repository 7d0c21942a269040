import Foundation
import Server
import Wire

/// What was run.
struct Settings: Codable {
  var transport: Transport
  var datagramBytes: Int
  var keys: String
  var hmac: Bool
  var sources: Int
  var window: Int
  var duplicatesPercent: Double
  var conflictsPercent: Double
  var recordsPerSecond: Double?
  /// Whether nothing but receiving and acking was measured.
  var sink: Bool
}

/// Latency of acks in milliseconds.
struct LatencyFigures: Codable {
  var p50: Double
  var p99: Double
  var p999: Double

  init(_ histogram: LatencyHistogram) {
    p50 = histogram.quantile(0.5)
    p99 = histogram.quantile(0.99)
    p999 = histogram.quantile(0.999)
  }
}

/// What the sender saw.
struct SenderFigures: Codable {
  var records: Int64
  var seconds: Double
  var recordsPerSecond: Double
  var recordsPerBatch: Double
  var ackMilliseconds: LatencyFigures
  var resentBatches: Int64
  var repeatedReceipts: Int64
  var refusals: [String: Int64]
  var verdicts: VerdictTotals
  /// Processor time of the sending thread: near 100 % it is the sender that limits the rate.
  var processorPercent: Double
  var processorNanosecondsPerRecord: Double

  init(_ result: LoadResult, recordsPerBatch: Double) {
    let count = Double(max(result.ackedRecords, 1))
    records = result.ackedRecords
    seconds = result.seconds
    recordsPerSecond = count / max(result.seconds, 0.001)
    self.recordsPerBatch = recordsPerBatch
    ackMilliseconds = LatencyFigures(result.latency)
    resentBatches = result.resentBatches
    repeatedReceipts = result.repeatedReceipts
    refusals = Dictionary(
      uniqueKeysWithValues: result.refusals.map {
        (RefusalReason(rawValue: $0.key)?.name ?? "code \($0.key)", $0.value)
      })
    verdicts = result.verdicts
    processorPercent = result.senderSeconds / max(result.seconds, 0.001) * 100
    processorNanosecondsPerRecord = result.senderSeconds / count * 1e9
  }
}

/// What the service was asked for before and after.
struct ServiceFigures: Codable {
  var kernelDrops: UInt64
  var processorNanosecondsPerRecord: Double
  /// Share of one core that the busiest thread took, which is the loop.
  var busiestThreadPercent: Double
  var residentBytes: Int
  var peakResidentBytes: Int
  var keys: Int
  var keyBytesPerKey: Double
  var logBytesPerRecord: Double
  var recordsPerSync: Double
  /// From the last ack until everything was in Postgres.
  var flushMilliseconds: Int64
}

/// The figures of a run, for people and as JSON.
struct Report: Codable {
  var machine: Machine
  var settings: Settings
  var sender: SenderFigures
  var service: ServiceFigures?
  /// What differs from what must be; empty if everything agrees.
  var differences: [String]

  /// As JSON.
  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  /// As a table for people.
  var text: String {
    let load =
      "\(settings.transport.rawValue), \(settings.datagramBytes) B, \(settings.keys) keys, "
      + "hmac \(settings.hmac ? "on" : "off"), \(settings.sources) sources, "
      + "window \(settings.window)"
    var lines = [
      row("load", load + (settings.sink ? ", receiving and acking alone" : "")),
      row(
        "machine",
        "\(machine.processor), \(machine.cores) cores, \(machine.kernel), \(machine.fileSystem)"),
      row("commit", "\(machine.commit), \(machine.date)"),
      row("records acked", "\(sender.records) in \(number(sender.seconds, 2)) s"),
      row("rate", "\(number(sender.recordsPerSecond / 1e6, 3)) million records/s"),
      row("records per batch", number(sender.recordsPerBatch, 1)),
      row(
        "ack latency",
        "p50 \(number(sender.ackMilliseconds.p50, 2)) ms, "
          + "p99 \(number(sender.ackMilliseconds.p99, 2)) ms, "
          + "p99.9 \(number(sender.ackMilliseconds.p999, 2)) ms"),
      row(
        "sent again",
        "\(sender.resentBatches) batches; refused \(sender.refusals.values.reduce(0, +))"
      ),
      row(
        "sending thread",
        "\(number(sender.processorNanosecondsPerRecord, 0)) ns/record, "
          + "\(number(sender.processorPercent, 0)) % of a core"),
    ]
    if let service { lines += text(of: service) }
    lines += differences.map { row("DIFFERS", $0) }
    if differences.isEmpty {
      lines.append(row("checked", settings.sink ? "every batch was acked" : "sums agree"))
    }
    return lines.joined(separator: "\n")
  }

  private func text(of service: ServiceFigures) -> [String] {
    [
      row("kernel drops", "\(service.kernelDrops) datagrams"),
      row(
        "service",
        "\(number(service.processorNanosecondsPerRecord, 0)) ns/record in all threads, "
          + "busiest \(number(service.busiestThreadPercent, 0)) % of a core"),
      row(
        "service memory",
        "\(number(Double(service.residentBytes) / 1e6, 0)) MB, "
          + "at most \(number(Double(service.peakResidentBytes) / 1e6, 0)) MB"),
      row("key index", "\(service.keys) keys, \(number(service.keyBytesPerKey, 1)) B each"),
      row("log", "\(number(service.logBytesPerRecord, 1)) B/record"),
      row("records per sync", number(service.recordsPerSync, 0)),
      row("rest in Postgres after", "\(service.flushMilliseconds) ms"),
    ]
  }

  private func row(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 24 - name.count)) + value
  }

  private func number(_ value: Double, _ digits: Int) -> String {
    value.formatted(.number.precision(.fractionLength(digits)).grouping(.never))
  }
}
