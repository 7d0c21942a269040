import Database
import EventLoop
import Metering
import Server
import Wire

/// Looks at a running service before and after a load, and at what came of it in Postgres.
struct ServiceProbe {
  private let layout: DataDirectoryLayout
  private let before: ServiceStatus
  private let usageBefore: ProcessUsage
  private let threadsBefore: [Int32: Double]

  init(dataDirectory: String) throws {
    layout = try DataDirectoryLayout(existing: dataDirectory)
    before = try Self.status(layout)
    usageBefore = ProcessUsage(of: before.process)
    threadsBefore = ProcessUsage.threads(of: before.process)
  }

  /// Where the service takes frames.
  func address(_ transport: Transport) throws -> SocketAddress {
    let addresses = transport == .udp ? before.ingest.udp : before.ingest.tcp
    guard let address = addresses.lazy.compactMap({ SocketAddress($0) }).first else {
      throw CommandFailure("the service listens nowhere for \(transport.rawValue)")
    }
    return address
  }

  /// Has everything flushed and gives the figures.
  func finish(_ result: LoadResult) throws -> ServiceFigures {
    let usage = ProcessUsage(of: before.process)
    let threads = ProcessUsage.threads(of: before.process)
    let busiest = threads.map { $0.value - threadsBefore[$0.key, default: 0] }.max() ?? 0
    let began = EventLoop.monotonicMilliseconds()
    _ = try ControlClient.send(ControlRequest(.flush), to: layout, timeout: 300)
    let flushed = EventLoop.monotonicMilliseconds() - began
    let after = try Self.status(layout)
    let records = Double(max(result.ackedRecords, 1))
    return ServiceFigures(
      kernelDrops: after.ingest.kernelDrops - before.ingest.kernelDrops,
      processorNanosecondsPerRecord: (usage.seconds - usageBefore.seconds) / records * 1e9,
      busiestThreadPercent: busiest / max(result.seconds, 0.001) * 100,
      residentBytes: usage.residentBytes,
      peakResidentBytes: ProcessUsage(of: before.process).peakResidentBytes,
      keys: after.dedup.keys,
      keyBytesPerKey: Double(after.dedup.bytes) / Double(max(after.dedup.keys, 1)),
      logBytesPerRecord: Double(after.log.bytes - before.log.bytes) / records,
      recordsPerSync: records / Double(max(after.log.syncs - before.log.syncs, 1)),
      flushMilliseconds: flushed)
  }

  /// Sums of `usage_hourly` by tenant and kind.
  func totals() throws -> [TenantKind: Totals] {
    var configuration = ServerConfiguration()
    configuration.dataDirectory = layout.path
    var totals: [TenantKind: Totals] = [:]
    try DatabaseLookup.open(configuration).snapshot { snapshot in
      try snapshot.usage { row in
        let subject = TenantKind(tenant: row.subject.tenant, kind: row.subject.kind.name)
        totals[subject, default: Totals()] += Totals(
          records: row.sums.count, quantity: row.sums.quantity)
      }
    }
    return totals
  }

  private static func status(_ layout: DataDirectoryLayout) throws -> ServiceStatus {
    guard let status = try ControlClient.send(ControlRequest(.status), to: layout).status else {
      throw CommandFailure("the service gave no status")
    }
    return status
  }
}

/// Compares what a run came to with what was sent.
enum ResultCheck {
  /// Differences that are named, at most.
  private static let limit = 10

  /// What differs in the answers.
  static func answers(_ result: LoadResult, expected: VerdictTotals?) -> [String] {
    var differences: [String] = []
    if let failure = result.failure { differences.append(failure) }
    if result.ackedRecords != result.sentRecords {
      differences.append("\(result.sentRecords) records sent, \(result.ackedRecords) acked")
    }
    if let expected, result.verdicts != expected {
      differences.append("verdicts sent \(expected), acked \(result.verdicts)")
    }
    return differences
  }

  /// What differs between Postgres and what was sent.
  static func totals(
    _ stored: [TenantKind: Totals], expected: [TenantKind: Totals]
  ) -> [String] {
    let subjects = Set(stored.keys).union(expected.keys).filter { stored[$0] != expected[$0] }
    return subjects.prefix(limit).map { subject in
      let sent = expected[subject] ?? Totals()
      let found = stored[subject] ?? Totals()
      return "\(subject.tenant) \(subject.kind): sent \(sent.records) records of "
        + "\(sent.quantity), Postgres has \(found.records) of \(found.quantity)"
    }
  }
}
