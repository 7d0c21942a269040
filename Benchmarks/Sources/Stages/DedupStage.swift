internal import CanonicalLoad
internal import Dedup
internal import MemoryRuns

/// Keys that are judged in groups, with memory for one group.
struct KeyGroups: ~Copyable {
  private var keys = KeySequence(seed: 0x5EED, counter: 0)
  private var hashes = [KeyHash](repeating: KeyHash(high: 0, low: 0), count: Stage.group)
  private var payloads = [UInt16](repeating: 1, count: Stage.group)
  private var requests = [UInt8](
    repeating: DedupRequest.admit.rawValue, count: Stage.group)
  private var answers = [UInt8](repeating: 0, count: Stage.group)

  /// A group in which one key of twenty, after the first group, is one of the group before.
  mutating func draw(duplicates: Bool, request: DedupRequest = .admit) {
    for place in 0..<Stage.group {
      requests[place] = request.rawValue
      if duplicates, place % 20 == 19, keys.counter > Stage.group { continue }
      hashes[place] = KeyHash(high: keys.next(), low: keys.next())
    }
  }

  /// Judges the group.
  ///
  /// - Returns: how many were new or absent.
  mutating func judge(_ index: inout DedupIndex, arrival: Int64) -> Int {
    let (hashes, payloads, requests) = (hashes, payloads, requests)
    var target = answers.mutableSpan
    do {
      try index.judge(
        hashes: hashes.span, payloads: payloads.span, requests: requests.span, arrival: arrival,
        front: LogFront(sealed: LogPlace(position: 0, chain: 0), open: 0), answers: &target)
    } catch {
      preconditionFailure("BUG: \(error)")
    }
    var found = 0
    for place in 0..<Stage.group {
      let isKnown = target[place] >= DedupAnswer.duplicate.rawValue
      found += isKnown ? 0 : 1
    }
    return found
  }
}

/// Judging keys, of which 5 % are there, while so many are in memory.
final class DedupStage: StageBody {
  private var index: DedupIndex
  private var groups = KeyGroups()
  private let upkeep = UpkeepThread()

  init(keys: Int) {
    index = DedupIndex(
      limits: DedupLimits(
        window: 36 * 86_400_000, maximumKeys: keys + 64_000_000, generations: 8),
      owner: .stage, store: MemoryRunStore(), startingAt: 0)
    while index.keyCount < keys {
      groups.draw(duplicates: false)
      _ = groups.judge(&index, arrival: 0)
      index.settle(synced: .max)
    }
  }

  func batch() -> Int {
    groups.draw(duplicates: true)
    keep(UInt64(groups.judge(&index, arrival: 0)))
    while let piece = index.takeUpkeep(synced: .max) { upkeep.perform(piece) }
    for piece in upkeep.takeDone() { index.finish(piece) }
    return Stage.group
  }
}

/// Asking for keys that are not there, behind sealed generations: what the filter costs, and what
/// its false answers cost.
final class FilterStage: StageBody {
  private var index: DedupIndex
  private var groups = KeyGroups()
  private let arrival: Int64

  init(_ size: Stage.Size) {
    let keys = size == .full ? 10_000_000 : 40_000
    let window: Int64 = 8_000
    index = DedupIndex(
      limits: DedupLimits(window: window, maximumKeys: 4 * keys, generations: 8), owner: .stage,
      store: MemoryRunStore(), startingAt: 0)
    var time: Int64 = 0
    while index.keyCount < keys {
      groups.draw(duplicates: false)
      _ = groups.judge(&index, arrival: time)
      time = Int64(index.keyCount) * (window - 1_000) / Int64(keys)
      index.settle(synced: .max)
    }
    arrival = time
  }

  func batch() -> Int {
    groups.draw(duplicates: false, request: .probe)
    let absent = groups.judge(&index, arrival: arrival)
    precondition(absent == Stage.group, "BUG: an absent key was found")
    return Stage.group
  }
}

extension RunOwner {
  /// Nobody else's.
  static let stage = RunOwner(
    installation: 42, secretFingerprint: 7, partition: 0, partitionCount: 1)
}
