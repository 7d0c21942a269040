import Foundation
import Server

/// Processor time and memory of a process, from `/proc`.
struct ProcessUsage {
  var seconds = 0.0
  var residentBytes = 0

  init(of process: Int32) {
    let path = "/proc/\(process)"
    if let text = try? String(contentsOfFile: "\(path)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    {
      // Fields 14 and 15 of proc(5), in clock ticks of 10 ms; the name may hold spaces.
      let fields = text[text.index(after: end)...].split(separator: " ")
      if fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) {
        seconds = (user + system) / 100
      }
    }
    if let text = try? String(contentsOfFile: "\(path)/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    {
      residentBytes = pages * 4_096
    }
  }
}

/// The figures of a run, for people and as JSON.
struct Report {
  private let rows: [(name: String, value: Double, unit: String)]

  init(
    _ result: LoadResult, before: ServiceStatus, after: ServiceStatus, processorSeconds: Double,
    residentBytes: Int, flushMilliseconds: Int64
  ) {
    let records = Double(max(result.ackedRecords, 1))
    rows = [
      ("records acked durably", records, ""),
      ("rate", records / max(result.seconds, 0.001) / 1e6, "million records/s"),
      ("records per datagram", result.recordsPerFrame, ""),
      ("ack latency p50", result.latency.quantile(0.5), "ms"),
      ("ack latency p99", result.latency.quantile(0.99), "ms"),
      ("ack latency p99.9", result.latency.quantile(0.999), "ms"),
      ("batches resent", Double(result.resentBatches), ""),
      ("batches deferred", Double(result.deferredBatches), ""),
      (
        "kernel drops", Double(after.ingest.kernelDrops - before.ingest.kernelDrops), "datagrams"
      ),
      ("service processor time", processorSeconds / records * 1e9, "ns/record"),
      ("service resident memory", Double(residentBytes) / 1e6, "MB"),
      ("dedup memory", Double(after.dedup.bytes) / Double(max(after.dedup.keys, 1)), "B/key"),
      ("log", Double(after.log.bytes - before.log.bytes) / records, "B/record"),
      ("records per sync", records / Double(max(after.log.syncs - before.log.syncs, 1)), ""),
      ("flush of the rest to Postgres", Double(flushMilliseconds), "ms"),
    ]
  }

  var text: String {
    rows.map { row in
      let name = row.name + String(repeating: " ", count: max(1, 32 - row.name.count))
      let isWhole = row.value == row.value.rounded() && abs(row.value) < 1e15
      let value = isWhole ? String(Int64(row.value)) : String(format: "%.3f", row.value)
      return "\(name)\(value) \(row.unit)"
    }.joined(separator: "\n")
  }

  var json: String {
    let members = rows.map { row in
      let name = row.name.replacingOccurrences(of: " ", with: "_")
        .replacingOccurrences(of: ".", with: "_")
      return "  \"\(name)\": {\"value\": \(row.value), \"unit\": \"\(row.unit)\"}"
    }
    return "{\n\(members.joined(separator: ",\n"))\n}\n"
  }
}
