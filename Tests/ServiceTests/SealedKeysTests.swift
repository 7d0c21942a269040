import Client
import Foundation
import Server
import Testing
import Wire

/// Keys that have left memory are known all the same, whenever the process ends and whatever
/// becomes of their files.
@Suite("Sealed keys of a running service", .serialized)
struct SealedKeysTests {
  private let database: ScratchDatabase
  private let lever: ClockLever
  private let service: ServiceProcess

  init() throws {
    database = try ScratchDatabase()
    lever = try ClockLever()
    // A generation closes after two and a half minutes.
    service = ServiceProcess(
      [
        "--acceptance-back", "30m", "--acceptance-ahead", "0s", "--dedup-window", "30m",
      ], database: database)
    service.environment = try lever.environment
  }

  private var folder: String {
    get throws { try service.layout.partition(0) + "/keys" }
  }

  /// The files of runs, the oldest one first.
  private func runs() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".wbr") }.sorted()
  }

  /// Sends new records, and everything that was sent before once more.
  private func send(_ numbers: Range<Int>, after sent: inout [UsageRecord]) throws {
    let time = lever.now
    let records = numbers.map { UsageSource.record($0, time: time) }
    let fresh = try UsageSource.send(records, to: service.udp)
    #expect(fresh.verdicts[.accepted] == UInt64(records.count))
    try expectDuplicates(sent)
    sent += records
  }

  private func expectDuplicates(_ sent: [UsageRecord]) throws {
    let again = try UsageSource.send(sent, to: service.udp)
    #expect(again.verdicts[.duplicate, default: 0] == UInt64(sent.count))
  }

  /// Fills some generations, with a kill while they are sealed.
  private func fill() throws -> [UsageRecord] {
    var sent: [UsageRecord] = []
    for round in 0..<6 {
      try service.start()
      try send(round * 300..<round * 300 + 300, after: &sent)
      usleep(UInt32(round * 9_000))
      service.kill()
      // The next start finds the generation old, and seals it.
      try lever.move(to: lever.offset + 160_000)
    }
    try service.start()
    try service.wait("sealed") { try service.status().dedup.sealedKeys == sent.count }
    return sent
  }

  private func damage(_ name: String, at offset: UInt64) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(folder)/\(name)"))
    try file.seek(toOffset: offset)
    let byte = try #require(try file.read(upToCount: 1)).first ?? 0
    try file.seek(toOffset: offset)
    try file.write(contentsOf: Data([byte ^ 1]))
    try file.close()
  }

  @Test("kills while generations are sealed lose no key", .timeLimit(.minutes(5)))
  func kills() throws {
    let sent = try fill()
    try expectDuplicates(sent)
    #expect(try service.status().dedup.runs >= 5)
    #expect(try runs().count == service.status().dedup.runs)
    try service.flush()
    #expect(try database.totals().records == Int64(sent.count))
    #expect(try service.verify().status == 0)
  }

  @Test(
    "a damaged run ends the service before a wrong verdict, and is rebuilt from the log",
    .timeLimit(.minutes(5)))
  func damage() throws {
    let sent = try fill()
    service.kill()
    let first = try #require(try runs().first)
    // In a page of keys, which is read when the filter over all runs is made.
    try damage(first, at: 4096 + 100)
    try service.launch()
    #expect(try service.exitStatus() == CommandExit.refused.rawValue)
    #expect(service.log.contains("a run of the key index is damaged"))
    try service.start()
    try expectDuplicates(sent)

    // In the header, which is read at the start.
    try service.wait("sealed") { try service.status().dedup.sealedKeys >= sent.count }
    service.kill()
    try damage(try #require(try runs().first), at: 100)
    try service.start()
    #expect(service.log.contains("a run of the key index is set aside and rebuilt"))
    try expectDuplicates(sent)
    let setAside = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".damaged") }
    #expect(setAside.count == 2)
    try service.flush()
    #expect(try database.totals().records == Int64(sent.count))
    #expect(try service.verify().status == 0)
  }
}
