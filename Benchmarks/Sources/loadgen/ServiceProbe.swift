import CanonicalLoad
import Database
import EventLoop
import Metering
import Server
import Wire

/// Looks at a running service before and after a load, and at what came of it in Postgres.
struct ServiceProbe {
  private let layout: DataDirectoryLayout
  private let before: ServiceStatus
  let usageBefore: ProcessUsage

  init(dataDirectory: String) throws {
    layout = try DataDirectoryLayout(existing: dataDirectory)
    before = try Self.status(layout)
    usageBefore = ProcessUsage(of: before.process)
  }

  /// The service's process; its first thread is the one that receives.
  var process: Int32 { before.process }

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
    let usage = ProcessUsage(of: process)
    let began = EventLoop.monotonicMilliseconds()
    _ = try ControlClient.send(ControlRequest(.flush), to: layout, timeout: 300)
    let flushed = EventLoop.monotonicMilliseconds() - began
    let after = try Self.status(layout)
    let records = Double(max(result.ackedRecords, 1))
    let keys = after.dedup.keys - before.dedup.keys
    return ServiceFigures(
      kernelDrops: after.ingest.kernelDrops - before.ingest.kernelDrops,
      processorNanosecondsPerRecord: (usage.seconds - usageBefore.seconds) / records * 1e9,
      residentBytes: usage.residentBytes,
      peakResidentBytes: ProcessUsage(of: process).peakResidentBytes,
      keys: after.dedup.keys,
      indexBytesPerKey: Double(after.dedup.bytes) / Double(max(after.dedup.keys, 1)),
      residentBytesPerKey: Double(usage.residentBytes - usageBefore.residentBytes)
        / Double(max(keys, 1)),
      logBytesPerRecord: Double(after.log.bytes - before.log.bytes) / records,
      recordsPerSync: records / Double(max(after.log.syncs - before.log.syncs, 1)),
      flushMilliseconds: flushed)
  }

  /// Sums of `usage_hourly` and `usage_adjustments` by tenant and kind.
  func totals() throws -> [TenantKind: Totals] {
    var configuration = ServerConfiguration()
    configuration.dataDirectory = layout.path
    var totals: [TenantKind: Totals] = [:]
    func add(_ subject: UsageSubject, _ sums: UsageSums) {
      totals[TenantKind(tenant: subject.tenant, kind: subject.kind.name), default: Totals()] +=
        Totals(records: sums.count, quantity: sums.quantity)
    }
    try DatabaseLookup.open(configuration).snapshot { snapshot in
      try snapshot.usage { row in add(row.subject, row.sums) }
      try snapshot.adjustments { row in add(row.subject, row.sums) }
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
