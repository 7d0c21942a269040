import MemoryRuns
import Testing

@testable import Dedup

/// A key as a test presents it.
struct PresentedKey: Hashable {
  var hash: KeyHash
  var payload: UInt16 = 1
  var request = DedupRequest.admit
}

/// An index beside a dictionary that knows what it must answer.
///
/// The dictionary holds each key's first arrival and payload. Inside the window the answer is
/// fixed; after the window and a generation's age the key must be gone; in between both are right,
/// and the dictionary follows the index.
final class IndexModel {
  struct Entry {
    var arrival: Int64
    var payload: UInt16
  }

  var index: DedupIndex
  let limits: DedupLimits
  private(set) var now: Int64
  private var known: [KeyHash: Entry] = [:]
  private(set) var counts: [DedupAnswer: Int] = [:]
  let store = MemoryRunStore()
  /// Keys that the index took, which are the entries of the log.
  private var position: UInt64 = 0
  /// The pieces of upkeep that are out.
  private var upkeep: [DedupUpkeep] = []

  init(_ limits: DedupLimits, geometry: TableGeometry = TableGeometry(), now: Int64 = 1000) {
    index = DedupIndex(
      limits: limits, owner: .sample, store: store, runs: [], startingAt: now, geometry: geometry)
    self.limits = limits
    self.now = now
  }

  /// The index's answers, unchecked.
  func answers(_ keys: [PresentedKey], at arrival: Int64) -> [DedupAnswer] {
    let hashes = keys.map(\.hash)
    let payloads = keys.map(\.payload)
    let requests = keys.map(\.request.rawValue)
    var raw = [UInt8](repeating: 0xff, count: keys.count)
    var answers = raw.mutableSpan
    do {
      try index.judge(
        hashes: hashes.span, payloads: payloads.span, requests: requests.span, arrival: arrival,
        front: front, answers: &answers)
    } catch {
      Issue.record("\(error)")
    }
    now = max(now, arrival)
    let all = raw.compactMap(DedupAnswer.init(rawValue:))
    position += UInt64(all.count { $0 == .new })
    return all
  }

  /// Judges a batch and checks every answer.
  func judge(
    _ keys: [PresentedKey], at arrival: Int64, location: SourceLocation = #_sourceLocation
  ) {
    let answers = answers(keys, at: arrival)
    #expect(answers.count == keys.count, sourceLocation: location)
    for (key, answer) in zip(keys, answers) {
      counts[answer, default: 0] += 1
      if !isRight(answer, for: key) {
        Issue.record("\(answer) for \(key) at \(now)", sourceLocation: location)
      }
    }
  }

  /// Every batch is a block of the log.
  private var front: LogFront {
    LogFront(sealed: LogPlace(position: position, chain: position &* 31), open: position)
  }

  func advance(to arrival: Int64) {
    index.advance(to: arrival, front: front)
    now = max(now, arrival)
  }

  /// Checks the invariants of the index.
  func check(location: SourceLocation = #_sourceLocation) {
    #expect(index.invariantViolations().isEmpty, sourceLocation: location)
  }

  func hasRoom(for count: Int) -> Bool { index.hasRoom(for: count) }

  /// Does one step of upkeep: takes a piece, performs it, or hands it back.
  ///
  /// - Returns: whether there was anything to do.
  func step() -> Bool {
    if let piece = index.takeUpkeep(synced: SyncedEnd(position: position, arrival: now)) {
      upkeep.append(piece)
    } else if let piece = upkeep.first(where: { !$0.isDone }) {
      piece.perform()
    } else if let piece = upkeep.popLast() {
      index.finish(piece)
    } else {
      return false
    }
    return true
  }

  /// Does all upkeep.
  func settle() { while step() {} }

  private func isRight(_ answer: DedupAnswer, for key: PresentedKey) -> Bool {
    guard key.request != .skip else { return answer == .skipped }
    if let entry = known[key.hash] {
      let age = now - entry.arrival
      let expected: DedupAnswer = entry.payload == key.payload ? .duplicate : .conflict
      if answer == expected { return age < limits.window + limits.generationAge }
      guard age > limits.window else { return false }
      known[key.hash] = nil
    }
    guard key.request == .admit else { return answer == .absent }
    known[key.hash] = Entry(arrival: now, payload: key.payload)
    return answer == .new
  }
}

extension RunOwner {
  static let sample = RunOwner(
    installation: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
    secretFingerprint: 0x1122_3344_5566_7788,
    partition: 2, partitionCount: 3)
}
