import CanonicalLoad
import Foundation
import Server

/// The figures of one run, for people and as JSON.
struct Report: Codable {
  var name: String
  var machine: Machine
  var settings: LoadSettings
  var sender: SenderFigures
  var receiver: ReceiverFigures
  /// Of one core that neither the sender nor the service had: Postgres, other work on the machine,
  /// or the host of a virtual one.
  var othersPercent: Double
  var service: ServiceFigures?
  /// What differs from what must be; empty if everything agrees.
  var differences: [String]

  /// As a list for people.
  var text: String {
    var lines = [
      row("load", settings.summary),
      row("machine", machine.summary),
      row("commit", "\(machine.commit), \(machine.date)"),
      row("records acked", "\(sender.records) in \(sender.seconds.text(2)) s"),
      row("rate", "\((sender.recordsPerSecond / 1e6).text(3)) million records/s"),
      row("records per batch", sender.recordsPerBatch.text(1)),
      row(
        "ack latency",
        sender.ackMilliseconds.text
          + (settings.rate == nil ? ", from the sending" : ", from the schedule")),
      row(
        "lost",
        "\(sender.resentBatches) batches sent again (\(sender.lossPercent.text(3)) %); "
          + "refused \(sender.refusals.values.reduce(0, +))"
      ),
      row("verdicts", "\(sender.verdicts)"),
      row(
        "sending thread",
        "\(sender.processorNanosecondsPerRecord.text(0)) ns/record, "
          + "\(sender.processorPercent.text(0)) % of a core, "
          + "\(sender.datagramsPerBuffer) datagrams in one buffer"),
      row(
        "receiving thread",
        "\(receiver.nanosecondsPerRecord.text(0)) ns/record, "
          + "\(receiver.percent.text(0)) % of a core"
      ),
      row("others", "\(othersPercent.text(0)) % of a core"),
      row("ack tags checked", "\(sender.checkedTagsPercent.text(1)) %"),
    ]
    if let service { lines += text(of: service) }
    lines += differences.map { row("DIFFERS", $0) }
    if differences.isEmpty {
      lines.append(row("checked", settings.sink ? "every batch was acked" : "sums agree"))
    }
    return lines.joined(separator: "\n")
  }

  private func text(of service: ServiceFigures) -> [String] {
    var lines = [
      row("kernel drops", "\(service.kernelDrops) datagrams"),
      row("all threads", "\(service.processorNanosecondsPerRecord.text(0)) ns/record"),
      row(
        "service memory",
        "\((Double(service.residentBytes) / 1e6).text(0)) MB, "
          + "at most \((Double(service.peakResidentBytes) / 1e6).text(0)) MB"),
      row(
        "key index",
        "\(service.keys) keys, \(service.indexBytesPerKey.text(1)) B each; resident memory grew "
          + "by \(service.residentBytesPerKey.text(1)) B for each new key"),
      row("log", "\(service.logBytesPerRecord.text(1)) B/record"),
      row("records per sync", service.recordsPerSync.text(0)),
      row("rest in Postgres after", "\(service.flushMilliseconds) ms"),
    ]
    if let visible = service.visible {
      lines.append(
        row("ack to visible", "\(visible.milliseconds.text), \(visible.flushes) flushes"))
    }
    return lines
  }

  private func row(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 24 - name.count)) + value
  }
}

extension Encodable {
  /// As JSON for people.
  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

extension Double {
  /// With so many digits after the point.
  func text(_ digits: Int) -> String {
    formatted(.number.precision(.fractionLength(digits)).grouping(.never))
  }
}

extension LatencyFigures {
  var text: String { "p50 \(p50.text(2)) ms, p99 \(p99.text(2)) ms, p99.9 \(p999.text(2)) ms" }
}
