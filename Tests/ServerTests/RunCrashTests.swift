import Foundation
import SegmentLog
import Testing

@testable import Dedup
@testable import Server

/// A crash at every step of sealing, merging and removing runs, in files.
@Suite("Crashes while runs are written")
struct RunCrashTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func folder(_ name: String) throws -> PartitionFiles {
    let files = PartitionFiles("\(scratch.path)/\(name)")
    try files.prepare()
    return files
  }

  private func write(_ state: FolderState, to files: PartitionFiles) throws {
    for (name, bytes) in state {
      try Data(bytes).write(to: URL(fileURLWithPath: "\(files.keys)/\(name)"))
    }
  }

  /// Starts from a state of the folder and a log of so many blocks, and checks every answer, with
  /// the runs that are there and again with those that the first start has written.
  private func start(
    _ state: FolderState, blocks: UInt64, damaged: Int = 0, _ comment: Comment
  ) throws {
    let files = try folder("start-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(atPath: files.path) }
    try write(state, to: files)
    let end = blocks * RunCrashWorld.blockSize
    for round in 0..<2 {
      let store = RunFiles(files)
      let found = try store.open()
      #expect(found.damaged.count == (round == 0 ? damaged : 0), comment)
      let chain = RunChain(found.runs.map(\.header), log: 0...end, expired: .min)
      #expect(chain.lostThrough == nil && chain.through.position <= end, comment)
      #expect(chain.through == RunCrashWorld.place(chain.through.position), comment)
      let used = chain.used.compactMap { number in found.runs.first { $0.header.number == number } }
      for run in found.runs where !chain.used.contains(run.header.number) {
        store.remove(run.header.number)
      }
      var world = RunCrashWorld(store, runs: used)
      #expect(world.index.completeThrough == chain.through, comment)
      for block in chain.through.position / RunCrashWorld.blockSize..<blocks {
        try world.append(block, .renew)
      }
      #expect(try world.ask(0..<end, .probe).isSubset(of: [.duplicate]), comment)
      #expect(try world.ask(end..<end + 60, .probe) == [.absent], comment)
      #expect(world.index.invariantViolations(keysRepeat: true) == [], comment)
      // Nothing is left beside the runs of the index, and what was set aside.
      let names = Set(try FolderContents.names(files.keys)).filter { !$0.hasSuffix(".damaged") }
      let runs = world.index.runs.map { SegmentNames.run($0.header.number) }
      #expect(names == Set(runs), comment)
    }
    let kept = try FolderContents.names(files.keys).count { $0.hasSuffix(".damaged") }
    #expect(kept == damaged, comment)
  }

  /// The states of a folder while generations are sealed and merged, each with the log's blocks.
  private func states() throws -> [(step: String, state: FolderState, blocks: UInt64)] {
    let store = ObservedRunFiles(try folder("written"))
    var world = RunCrashWorld(store)
    var all: [(step: String, state: FolderState, blocks: UInt64)] = []
    for block in 0..<9 as Range<UInt64> {
      let before = store.states.count
      try world.append(block)
      all += store.states[before...].map { ($0.step, $0.state, block + 1) }
    }
    return all
  }

  @Test("every step leaves a folder that a start goes on with, exactly")
  func everyStep() throws {
    let states = try states()
    for (step, state, blocks) in states { try start(state, blocks: blocks, "\(step)") }
    for step in ["created", "allocated", "appended", "header", "cut off", "named"] {
      // Four generations are sealed, three of them merged.
      #expect(states.count { $0.step.hasPrefix(step) } >= 5, "\(step)")
    }
    #expect(states.count { $0.step.hasPrefix("removed") } == 3)
  }

  @Test("beside a merged run any of its parts may be left, and the next file in any state")
  func partsBesideTheMerged() throws {
    let states = try states()
    let merged = try #require(
      states.first { $0.step.hasPrefix("named") && $0.state.count == 4 })
    let parts = (1...3).map { SegmentNames.run($0) }
    for left in 0..<8 {
      var state = merged.state
      for (place, name) in parts.enumerated() where left >> place & 1 == 0 { state[name] = nil }
      // What was written of the next file reached the disk in part.
      let next = "\(SegmentNames.run(9)).new"
      var torn = merged.state.values.first ?? []
      for page in stride(from: 4_096, to: torn.count, by: 4_096) where page / 4_096 % 2 == left % 2
      {
        torn.replaceSubrange(page..<page + 4_096, with: repeatElement(0, count: 4_096))
      }
      state[next] = left == 0 ? nil : Array(torn.prefix(left * 3_000))
      try start(state, blocks: merged.blocks, "left \(left)")
    }
  }

  @Test("a file that is torn or rotten in what a start reads is set aside, and its keys rebuilt")
  func damagedFiles() throws {
    let states = try states()
    let whole = try #require(states.last { $0.step.hasPrefix("named") })
    for (name, bytes) in whole.state {
      for length in [0, 1, 4_095, 4_096, bytes.count - 1, bytes.count - 4_096] {
        var state = whole.state
        state[name] = Array(bytes.prefix(length))
        try start(state, blocks: whole.blocks, damaged: 1, "\(name) of \(length)")
      }
      for offset in [50, 130, 8_192, bytes.count - 4_096] {
        var state = whole.state
        state[name]?[offset] ^= 4
        try start(state, blocks: whole.blocks, damaged: 1, "\(name) at \(offset)")
      }
    }
  }
}
