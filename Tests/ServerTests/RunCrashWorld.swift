import Foundation
import SeededRandom
import SegmentLog
import Testing

@testable import Dedup
@testable import Server

/// What a folder of runs held at some moment: names and bytes.
typealias FolderState = [String: [UInt8]]

/// A folder of runs, with what a crash leaves at each step of writing and removing them.
///
/// A state is taken after each call of the store. The calls of the system inside the last one,
/// which writes the header, cuts the file off and gives it its name, are done by hand before it.
final class ObservedRunFiles: RunStore, @unchecked Sendable {
  let files: PartitionFiles
  private let store: RunFiles
  /// The states, with what was done last.
  private(set) var states: [(step: String, state: FolderState)] = []

  init(_ files: PartitionFiles) {
    self.files = files
    store = RunFiles(files)
  }

  /// What the folder holds now.
  func state() throws -> FolderState {
    var state: FolderState = [:]
    for name in try FolderContents.names(files.keys) {
      state[name] = try FileContents.read("\(files.keys)/\(name)", limit: 1 << 20)
    }
    return state
  }

  func note(_ step: String) throws { states.append((step, try state())) }

  func begin(_ number: UInt64, byteCount: Int) throws -> any RunFile {
    let name = "\(SegmentNames.run(number)).new"
    var created = try state()
    created[name] = []
    states.append(("created \(number)", created))
    let file = try store.begin(number, byteCount: byteCount)
    try note("allocated \(number)")
    return Observed(file, name: name, of: self)
  }

  func remove(_ number: UInt64) {
    store.remove(number)
    do { try note("removed \(number)") } catch { Issue.record("\(error)") }
  }

  private final class Observed: RunFile {
    private let file: any RunFile
    private let name: String
    private let store: ObservedRunFiles
    private var byteCount = 4_096

    init(_ file: any RunFile, name: String, of store: ObservedRunFiles) {
      self.file = file
      self.name = name
      self.store = store
    }

    func append(_ bytes: RawSpan) throws {
      try file.append(bytes)
      byteCount += bytes.byteCount
      try store.note("appended \(byteCount) \(name)")
    }

    func seal(header: RawSpan) throws -> RunBytes {
      var state = try store.state()
      guard let written = state[name] else { preconditionFailure("the file is gone") }
      var content = unsafe header.withUnsafeBytes { unsafe [UInt8]($0) }
      content += written[content.count...]
      state[name] = content
      store.states.append(("header \(name)", state))
      state[name] = Array(content.prefix(byteCount))
      store.states.append(("cut off \(name)", state))
      let bytes = try file.seal(header: header)
      let expected = state.removeValue(forKey: name)
      state[String(name.dropLast(4))] = expected
      let found = try store.state()
      #expect(found == state, "the file is what was synced under another name")
      store.states.append(("named \(name)", found))
      return bytes
    }
  }
}

/// An index over the files of a folder, and the log of its keys: blocks of so many.
struct RunCrashWorld: ~Copyable {
  static let blockSize: UInt64 = 20
  let limits = DedupLimits(window: 100_000, maximumKeys: 640, generations: 4)
  var index: DedupIndex
  let store: any RunStore

  static func place(_ position: UInt64) -> LogPlace {
    LogPlace(position: position, chain: position &* 31)
  }

  private static func hash(_ number: UInt64) -> KeyHash {
    var mix = SplitMix64(seed: number)
    return KeyHash(high: mix.next(), low: mix.next())
  }

  init(_ store: any RunStore, runs: [SealedRun] = []) {
    var geometry = TableGeometry()
    geometry.keysPerShard = 40
    geometry.minimumFilterKeys = 16
    geometry.mergeFanIn = 3
    self.store = store
    index = DedupIndex(
      limits: limits, owner: Self.owner, store: store, runs: runs, startingAt: 0, geometry: geometry
    )
  }

  private static let owner = RunOwner(
    installation: 1, secretFingerprint: 2, partition: 0, partitionCount: 1)

  /// The answers for keys by their numbers, which are their positions in the log.
  mutating func ask(_ numbers: Range<UInt64>, _ request: DedupRequest) throws -> Set<DedupAnswer> {
    let hashes = numbers.map(Self.hash)
    let payloads = [UInt16](repeating: 1, count: hashes.count)
    let requests = [UInt8](repeating: request.rawValue, count: hashes.count)
    var raw = [UInt8](repeating: 0xff, count: hashes.count)
    var answers = raw.mutableSpan
    try index.judge(
      hashes: hashes.span, payloads: payloads.span, requests: requests.span,
      arrival: Int64(numbers.lowerBound),
      front: LogFront(sealed: Self.place(numbers.lowerBound), open: numbers.lowerBound),
      answers: &answers)
    return Set(raw.compactMap(DedupAnswer.init(rawValue:)))
  }

  /// Judges a block and does the upkeep that follows.
  mutating func append(_ block: UInt64, _ request: DedupRequest = .admit) throws {
    let first = block * Self.blockSize
    let answers = try ask(first..<first + Self.blockSize, request)
    #expect(answers == [.new])
    let end = first + Self.blockSize
    index.settle(synced: SyncedEnd(position: end, arrival: Int64(first)))
    #expect(index.takeFailure() == nil)
  }
}
