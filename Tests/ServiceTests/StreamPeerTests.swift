import Client
import Foundation
import Metering
import Server
import Testing
import Wire

@Suite("Peers on TCP that are slow, silent, half-closed or too many", .serialized)
struct StreamPeerTests {
  private let database: ScratchDatabase
  private let service: ServiceProcess

  init() throws {
    database = try ScratchDatabase()
    service = ServiceProcess(database: database)
  }

  private static func frames(_ numbers: Range<Int>, source: String = "raw") throws -> [UInt8] {
    try numbers.flatMap {
      try UsageSource.frame($0, sequence: UInt64($0 + 1), source: source)
    }
  }

  private func cut(_ reason: String) throws -> UInt64 {
    try service.status().ingest.cutConnections[reason] ?? 0
  }

  /// Memory of the service in bytes.
  private func memory() throws -> Int {
    let path = "/proc/\(try service.status().process)/statm"
    let pages = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
    return (Int(pages[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  @Test("who never reads its acks stalls itself and is cut", .timeLimit(.minutes(3)))
  func cutsDeafPeer() throws {
    service.set("--ingest-idle-timeout", "3s")
    // Freed memory that the address sanitizer holds back counts as the service's: let it be less.
    let sanitizer = ProcessInfo.processInfo.environment["ASAN_OPTIONS"] ?? ""
    service.environment = ["ASAN_OPTIONS": "\(sanitizer):quarantine_size_mb=4"]
    try service.start()
    let peer = try RawStream(to: service.tcp, receiveBuffer: 4_096)
    let first = try Self.frames(0..<1)
    peer.send(first)
    #expect(try peer.sequences(1) == [1])
    // The same frame again and again brings an ack each time.
    let before = try memory()
    let block = Array(repeatElement(first, count: 500).joined())
    let limit = 256 << 20
    var sent = 0
    var blocked = 0
    while sent < limit, blocked < 50 {
      let count = peer.sendWhatFits(block[(sent % block.count)...])
      sent += count
      blocked = count == 0 ? blocked + 1 : 0
      if count == 0 { usleep(10_000) }
    }
    #expect(sent < limit, "the service went on reading")
    #expect(try memory() - before < 32 << 20)
    let summary = try UsageSource.send(
      (1..<2_000).map { UsageSource.record($0) }, to: service.tcp, transport: .tcp, source: "other")
    #expect(summary.verdicts[.accepted] == 1_999)
    try service.wait("the peer cut") { try cut("idle") == 1 }
    try service.wait("nobody connected") { try service.status().ingest.connections == 0 }
    #expect(try service.status().ingest.waitingAnswers == 0)
    try service.flush()
    #expect(try database.totals().records == 2_000)
  }

  @Test("who ends its direction gets every ack, and then the end", .timeLimit(.minutes(3)))
  func answersHalfClosedPeer() throws {
    try service.start()
    let few = try RawStream(to: service.tcp)
    few.send(try Self.frames(0..<50, source: "few"))
    few.finish()
    let answer = few.receiveAll()
    #expect(answer.ending == .ended)
    #expect(try RawStream.sequences(in: answer.bytes) == Array(1...50))
    // So many that reading pauses, because nobody takes the acks yet.
    let count = 60_000
    let bytes = try Self.frames(100..<100 + count, source: "many")
    let many = try RawStream(to: service.tcp, receiveBuffer: 4_096)
    let thread = Thread {
      many.send(bytes)
      many.finish()
    }
    thread.start()
    var seen = UInt64(0)
    try service.wait("reading paused") {
      usleep(500_000)
      defer { seen = (try? service.status().ingest.frames) ?? 0 }
      return try seen > 50 && service.status().ingest.frames == seen
    }
    #expect(seen < 50 + count, "\(seen)")
    let rest = many.receiveAll()
    #expect(rest.ending == .ended)
    let sequences = try RawStream.sequences(in: rest.bytes)
    #expect(sequences == (101...UInt64(100 + count)).map { $0 })
    try service.flush()
    #expect(try database.totals().records == Int64(50 + count))
    #expect(try service.status().ingest.connections == 0)
    #expect(try service.status().ingest.cutConnections.isEmpty)
  }

  @Test("an end within a frame counts nothing of it", .timeLimit(.minutes(2)))
  func dropsPartialFrame() throws {
    try service.start()
    let peer = try RawStream(to: service.tcp)
    let frame = try Self.frames(0..<1)
    peer.send(frame + frame.dropLast())
    peer.finish()
    let answer = peer.receiveAll()
    #expect(answer.ending == .ended)
    #expect(try RawStream.sequences(in: answer.bytes) == [1])
    #expect(try service.status().ingest.frames == 1)
  }

  @Test("half a frame and then silence ends at the idle limit", .timeLimit(.minutes(2)))
  func cutsSilentPeer() throws {
    service.set("--ingest-idle-timeout", "1s")
    try service.start()
    let silent = try RawStream(to: service.tcp)
    let half = try RawStream(to: service.tcp)
    half.send(Array(try Self.frames(0..<1).prefix(60)))
    #expect(silent.receiveAll().ending == .ended)
    #expect(half.receiveAll().ending != .open)
    try service.wait("both cut") { try cut("idle") == 2 }
    let status = try service.run(["status", "--data-directory", service.data])
    #expect(status.output.contains("cut: idle 2"), "\(status)")
    #expect(try service.status().ingest.frames == 0)
  }

  @Test("what is no frame cuts its connection; what came before counts", .timeLimit(.minutes(2)))
  func cutsGarbage() throws {
    try service.start()
    let peer = try RawStream(to: service.tcp)
    peer.send(try Self.frames(0..<3) + [UInt8](repeating: 0xFF, count: 200))
    #expect(peer.receiveAll().ending != .open)
    try service.wait("three records counted") {
      try service.status().verdicts.records["accepted"] == 3
    }
    #expect(try cut("bad_frame") == 1)
    #expect(try service.status().ingest.invalidFrames == ["bad_magic": 1])
  }

  @Test("one connection too many is closed at once and counted", .timeLimit(.minutes(2)))
  func refusesConnections() throws {
    service.set("--ingest-maximum-connections", "3")
    try service.start()
    var peers: [RawStream] = []
    for number in 0..<3 {
      let peer = try RawStream(to: service.tcp)
      peer.send(try Self.frames(number..<number + 1))
      #expect(try peer.sequences(1) == [UInt64(number + 1)])
      peers.append(peer)
    }
    let fourth = try RawStream(to: service.tcp)
    #expect(fourth.receiveAll().ending != .open)
    #expect(try service.status().ingest.refusedConnections == 1)
    #expect(try service.status().ingest.connections == 3)
    let status = try service.run(["status", "--data-directory", service.data])
    #expect(status.output.contains("3 connections, 1 refused"), "\(status)")
    peers[0].send(try Self.frames(10..<11))
    #expect(try peers[0].sequences(1) == [11])
    peers.removeLast()
    try service.wait("a free place") { try service.status().ingest.connections == 2 }
    let fifth = try RawStream(to: service.tcp)
    fifth.send(try Self.frames(20..<21))
    #expect(try fifth.sequences(1) == [21])
  }

  @Test("pipelined frames may be cut at every byte", .timeLimit(.minutes(3)))
  func takesFramesInPieces() throws {
    try service.start()
    let peer = try RawStream(to: service.tcp)
    let length = try Self.frames(0..<3).count
    var next = 0
    for place in 1..<length {
      let bytes = try Self.frames(next..<next + 3)
      peer.send(Array(bytes[..<min(place, bytes.count)]))
      // Long enough for the service to read the first piece by itself, nearly always.
      usleep(1_000)
      peer.send(Array(bytes[min(place, bytes.count)...]))
      #expect(try peer.sequences(3) == (next + 1...next + 3).map { UInt64($0) })
      next += 3
    }
    for byte in try Self.frames(next..<next + 3) { peer.send([byte]) }
    #expect(try peer.sequences(3).count == 3)
    next += 3
    try service.flush()
    #expect(try database.totals().records == Int64(next))
    #expect(try service.status().verdicts.records["accepted"] == UInt64(next))
    #expect(try service.verify().status == 0)
  }
}
