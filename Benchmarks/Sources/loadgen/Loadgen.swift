import ArgumentParser
import Database
import EventLoop
import Foundation
import Metering
import Server
import Wire

@main
struct Loadgen: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loadgen",
    abstract: "Loads a running service over loopback UDP, and checks its answer against Postgres.",
    discussion: """
      Sends the canonical mix (1,000 tenants by Zipf's law, three kinds, 50 operations, signed \
      storage, duplicates) in a closed loop, waits for every ack, asks the service to flush, and \
      compares records and sums by tenant and kind with usage_hourly. Exit code 1 if they differ. \
      The service must be fresh: nothing else may have been counted in it.
      """)

  @Option(help: "The service's data directory.") var dataDirectory: String
  @Option(help: "Seconds to send.") var seconds = 10.0
  @Option(help: "Records to send at most.") var records: Int64 = .max
  @Option(help: "Bytes of a datagram.") var datagram = 1_400
  @Option(help: "Batches on their way.") var window = 256
  @Option(help: "Percent of records that repeat a key.") var duplicates = 5
  @Option(help: "Number of the key to sign with.") var keyID: UInt32?
  @Option(help: "The key's secret in hexadecimal.") var secret: String?
  @Option(help: "Write the figures as JSON to this file.") var json: String?

  func run() throws {
    let layout = try DataDirectoryLayout(existing: dataDirectory)
    let before = try status(layout)
    guard let address = before.ingest.udp.first.flatMap({ SocketAddress($0) }) else {
      throw ValidationError("the service listens on no UDP address")
    }
    let cpuBefore = ProcessUsage(of: before.process)
    let plan = LoadPlan(
      server: address,
      source: SourceIdentity(name: "loadgen", epoch: UInt64(EventLoop.wallMilliseconds())),
      key: try key(), frameLength: datagram, window: window, seconds: seconds,
      recordLimit: records, duplicatePercent: duplicates)
    let result = try LoadRun(plan).run()
    let cpuAfter = ProcessUsage(of: before.process)
    let flushBegan = EventLoop.monotonicMilliseconds()
    _ = try ControlClient.send(ControlRequest(.flush), to: layout, timeout: 120)
    let flushed = EventLoop.monotonicMilliseconds() - flushBegan
    let after = try status(layout)
    let problems = try check(result, after)
    let report = Report(
      result, before: before, after: after, processorSeconds: cpuAfter.seconds - cpuBefore.seconds,
      residentBytes: cpuAfter.residentBytes, flushMilliseconds: flushed)
    print(report.text)
    if let json { try report.json.write(toFile: json, atomically: true, encoding: .utf8) }
    for problem in problems { print("DIFFERS: \(problem)") }
    if !problems.isEmpty { throw ExitCode(1) }
    print("checked: Postgres holds exactly what was sent")
  }

  private func key() throws -> (id: KeyID, secret: [UInt8])? {
    guard let keyID, let secret else { return nil }
    let digits = Array(secret)
    guard digits.count % 2 == 0 else { throw ValidationError("the secret has an odd length") }
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
    return (KeyID(keyID), bytes)
  }

  private func status(_ layout: DataDirectoryLayout) throws -> ServiceStatus {
    guard let status = try ControlClient.send(ControlRequest(.status), to: layout).status else {
      throw ValidationError("the service gave no status")
    }
    return status
  }

  /// What differs between what was sent, what was acked and what Postgres holds.
  private func check(_ result: LoadResult, _ after: ServiceStatus) throws -> [String] {
    var problems: [String] = []
    if result.ackedRecords != result.sentRecords {
      problems.append("\(result.sentRecords) sent, \(result.ackedRecords) acked")
    }
    if result.counts.duplicate != result.expectedDuplicates || result.counts.other != 0 {
      problems.append(
        "acks say \(result.counts), \(result.expectedDuplicates) duplicates were sent")
    }
    var configuration = ServerConfiguration()
    configuration.dataDirectory = dataDirectory
    var found: [TenantKind: Totals] = [:]
    try DatabaseLookup.open(configuration).snapshot { snapshot in
      try snapshot.usage { row in
        let key = TenantKind(tenant: row.subject.tenant, kind: row.subject.kind.name)
        found[key, default: Totals()] += Totals(
          records: row.sums.count, quantity: row.sums.quantity)
      }
    }
    let keys = Set(found.keys).union(result.expected.keys)
    for key in keys where found[key] != result.expected[key] {
      let sent = result.expected[key] ?? Totals()
      let stored = found[key] ?? Totals()
      problems.append(
        "\(key.tenant) \(key.kind): sent \(sent.records) records of \(sent.quantity), "
          + "Postgres has \(stored.records) of \(stored.quantity)")
      if problems.count == 10 { break }
    }
    return problems
  }
}
