import Client
import Foundation
import Metering
import Server
import Testing
import Wire

@Suite("A disk that fills up under the service", .serialized)
struct FullDiskTests {
  private static let megabyte = 1 << 20

  /// A service whose data directory is on a disk of its own.
  private static func service(on disk: SmallDisk, reserve: String) throws -> ServiceProcess {
    let service = ServiceProcess(
      directory: "\(disk.path)/data", enter: disk.enter, database: try ScratchDatabase())
    service.set("--log-segment-size", "1MiB")
    service.set("--log-disk-reserve", reserve)
    return service
  }

  @Test(
    "below the reserve usage waits; above it, it is taken again", .timeLimit(.minutes(3)),
    .enabled(if: SmallDisk.obstacle == nil, "\(SmallDisk.obstacle ?? "")"))
  func waitsForSpace() throws {
    let disk = try SmallDisk(megabytes: 64)
    let service = try Self.service(on: disk, reserve: "16MiB")
    try service.start()
    let first = (0..<2_000).map { UsageSource.record($0) }
    _ = try UsageSource.send(first, to: service.udp, source: "first")
    let load = try LoadInBackground(
      server: service.udp, firstNumber: 10_000, source: "load", patience: 60_000)
    try disk.fill(toFree: 15 * Self.megabyte)
    try service.wait("refusing") {
      (try service.status().verdicts.refused["disk_reserve"] ?? 0) > 0
    }
    let status = try service.status()
    #expect(!status.isReady)
    #expect(status.concerns.contains { $0.contains("disk_reserve") }, "\(status.concerns)")
    #expect(service.log.contains("less disk is free than the reserve"), "\(service.log)")
    usleep(300_000)
    #expect(try service.status().verdicts.batches == status.verdicts.batches)
    try disk.clear()
    try service.wait("usage taken") {
      try service.status().verdicts.batches > status.verdicts.batches
    }
    let result = load.finish()
    #expect((result.deferrals[.diskReserve] ?? 0) > 0)
    #expect(result.ackedRecords == result.numbersUsed)
    let again = try UsageSource.send(first, to: service.udp, source: "again")
    #expect(again.verdicts[.duplicate] == 2_000)
    #expect(try service.stop() == 0)
    #expect(try service.verify().status == 0)
  }

  @Test(
    "a disk that is full all the same stops the service, and nothing acked is lost",
    .timeLimit(.minutes(5)),
    .enabled(if: SmallDisk.obstacle == nil, "\(SmallDisk.obstacle ?? "")"))
  func stopsWhenFull() throws {
    let disk = try SmallDisk(megabytes: 64)
    let service = try Self.service(on: disk, reserve: "0B")
    try service.start()
    let first = (0..<2_000).map { UsageSource.record($0) }
    _ = try UsageSource.send(first, to: service.udp, source: "first")
    try disk.fill(toFree: 3 * Self.megabyte / 2)
    let load = try LoadInBackground(server: service.udp, firstNumber: 10_000, source: "load")
    #expect(try service.exitStatus() == 1)
    let result = load.finish()
    #expect(result.ackedRecords > 0)
    let fatal = service.log.split(separator: "\n").filter { $0.contains("FATAL: ") }
    #expect(fatal.count == 1, "\(service.log)")
    #expect(fatal.first?.contains("\(disk.path)/data/partitions/00000/") == true, "\(fatal)")
    #expect(fatal.first?.contains("No space left on device") == true, "\(fatal)")

    try disk.clear()
    try service.start()
    let acked = (10_000..<10_000 + Int(result.ackedRecords)).map {
      UsageSource.record($0, time: LoadInBackground.time)
    }
    let again = try UsageSource.send(first + acked, to: service.udp, source: "again")
    #expect(again.verdicts[.duplicate] == UInt64(first.count + acked.count))
    #expect(try service.stop() == 0)
    let verified = try service.verify()
    #expect(verified.status == 0, "\(verified)")
  }

  @Test(
    "a start on a full disk says so", .timeLimit(.minutes(2)),
    .enabled(if: SmallDisk.obstacle == nil, "\(SmallDisk.obstacle ?? "")"))
  func refusesStart() throws {
    let disk = try SmallDisk(megabytes: 16)
    let service = try Self.service(on: disk, reserve: "0B")
    try disk.fill(toFree: 0)
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("No space left on device"), "\(service.log)")
    #expect(service.log.contains(disk.path), "\(service.log)")
    try disk.clear()
    try service.start()
    #expect(try service.stop() == 0)
  }
}
