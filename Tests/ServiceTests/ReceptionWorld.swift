import EventLoop
import Foundation
import Logging
import Metering
import SegmentLog
import Wire

@testable import Server

/// A reception and partitions on loops of their own in this process, without a Postgres.
final class ReceptionWorld {
  let home: ServiceLoop
  let partitions: [Partition]
  let reception: Reception
  private let tenants: TenantPartitions
  /// Asks the others; it never runs.
  private let outside: ServiceLoop
  private let directory: DataDirectory

  init(partitions count: Int) throws {
    var configuration = ServerConfiguration()
    configuration.dataDirectory = "\(ScratchCluster.root)/world-\(UUID().uuidString.prefix(8))"
    configuration.ingest.udp = [SocketAddress("127.0.0.1:0")].compactMap(\.self)
    configuration.ingest.tcp = []
    configuration.ingest.partitions = count
    configuration.dedup.maximumKeys = 4_000_000
    configuration.log.segmentSize = 1 << 20
    configuration.postgres.url = "host=\(ScratchCluster.root)/nowhere"
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let directory = try DataDirectory(
      path: configuration.dataDirectory, partitionCount: UInt16(count),
      now: Timestamp(milliseconds: UsageSource.now()))
    let database = try DatabaseAccess(configuration, directory: directory, logger: logger)
    let quarantine = QuarantineFile(directory: directory.layout.quarantine, maximumBytes: 1 << 20)
    home = try ServiceLoop()
    outside = try ServiceLoop()
    self.directory = directory
    partitions = try PartitionStart.all(
      configuration, directory: directory, checkpoints: nil, logger: logger
    ).map { start in
      try Partition(
        start, on: ServiceLoop(), configuration: configuration, database: database,
        quarantine: quarantine, logger: logger)
    }
    tenants = TenantPartitions(count, secret: directory.installation.secret)
    reception = Reception(
      for: partitions, tenants: tenants, installation: directory.installation.id, on: home,
      configuration: configuration, keys: nil, quarantine: quarantine, logger: logger)
    for partition in partitions { try partition.open() }
    try reception.openSockets()
    for partition in partitions { partition.home.start(named: "partition") }
    home.start(named: "reception")
  }

  deinit {
    ask(home) { self.reception.closeSockets() }
    for partition in partitions { ask(partition.home) { partition.close() } }
    for loop in [home] + partitions.map(\.home) {
      loop.perform(from: outside) { loop.loop.stop() }
      loop.join()
    }
    for partition in partitions { partition.stop(before: 0) }
    try? FileManager.default.removeItem(atPath: directory.layout.path)
  }

  /// Does something where it belongs, and waits for it.
  @discardableResult
  func ask<Answer>(_ loop: ServiceLoop, _ question: @escaping () -> Answer) -> Answer {
    let done = DispatchSemaphore(value: 0)
    var answer: Answer?
    loop.perform(from: outside) {
      answer = question()
      done.signal()
    }
    done.wait()
    guard let answer else { fatalError("a loop did nothing") }
    return answer
  }

  /// Asks until the answer is true.
  func wait(_ what: String, _ condition: () -> Bool) throws {
    for _ in 0..<30_000 {
      if condition() { return }
      usleep(2_000)
    }
    throw ServiceProcess.Failure(description: "not \(what) in time")
  }

  /// Where frames go.
  var server: String { ask(home) { "\(self.reception.endpoints[0].localAddress)" } }

  /// The name of a tenant of a partition.
  func tenant(of partition: Int) -> String {
    var number = 0
    while tenants.partition(ofTenant: "tenant-\(number)") != partition { number += 1 }
    return "tenant-\(number)"
  }

  /// Keeps a partition from telling what it has synced.
  func hold(_ partition: Int) {
    let partition = partitions[partition]
    ask(partition.home) { partition.onSynced = { _ in } }
  }

  /// Lets a partition that was held tell what it has synced, now and from now on.
  func release(_ partition: Int) {
    let partition = partitions[partition]
    ask(partition.home) {
      partition.onSynced = { [unowned partition] in partition.releaseGroups(through: $0) }
      partition.onSynced(partition.writer.synced.position)
    }
  }
}
