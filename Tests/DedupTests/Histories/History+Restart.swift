import MemoryRuns
import SeededRandom

@testable import Dedup

extension History {
  /// Ends the process as a damaged run does: it is set aside, and the next start rebuilds it.
  func stop(_ damage: RunError) {
    guard damaged.contains(damage.run) else { return fault("\(damage)") }
    counts.damagedPages += 1
    store.remove(damage.run)
    damaged.remove(damage.run)
    restart()
  }

  /// Changes bits of a run's file, somewhere.
  func damageRun() {
    let numbers = store.numbers
    guard !numbers.isEmpty else { return }
    let number = numbers[draw(numbers.count)]
    let size = store.content(number).count
    let offset: Int
    switch draw(4) {
    case 0: offset = draw(160)
    case 1: offset = 4_096 + draw(min(size - 4_096, 8_192))
    case 2: offset = size - 1 - draw(min(size, 4_096 + 64))
    default: offset = draw(size)
    }
    store.flip(number, at: offset, bits: UInt8(1 + draw(255)))
    damaged.insert(number)
    mayLose = true
  }

  /// Ends the process, cleanly or not, and starts again from what is left.
  func restart() {
    counts.restarts += 1
    abandonUpkeep()
    loseTail()
    if shape.damages, chance(300) { for _ in 0...draw(2) { damageRun() } }
    if chance(200) { now += Int64(draw(3_000)) }
    changeWindow()
    start()
  }

  /// Starts from the files of runs and the log.
  func start() {
    let runs = openRuns()
    let lastArrival = log.retained.last?.lastArrival ?? 0
    let chain = RunChain(
      runs.map(\.header), log: log.start.position...max(log.start.position, log.end.position),
      expired: lastArrival - limits.window)
    let used = chain.used.compactMap { number in runs.first { $0.header.number == number } }
    for run in runs where !chain.used.contains(run.header.number) { remove(run.header.number) }
    index = DedupIndex(
      limits: limits, owner: .sample, store: store, runs: used, startingAt: 0,
      geometry: shape.geometry)
    counts.usedRuns += used.count
    noteHorizon(chain)
    do {
      try replay(from: chain.through)
    } catch {
      return stop(error)
    }
    index.advance(to: now, front: log.front)
    checkNothingIsMissing()
  }

  /// Lets the pieces that are out come to any point: not begun, failed in the middle, or done and
  /// never taken back.
  private func abandonUpkeep() {
    for piece in upkeep.pieces where !piece.isDone && chance(600) {
      store.fail(afterOperations: draw(6))
      piece.perform()
    }
    store.fail(afterOperations: nil)
    upkeep.pieces = []
  }

  /// Loses some of what was not synced.
  private func loseTail() {
    let unsynced = log.blocks.count - log.syncedCount
    let before = known
    log.cut(to: log.syncedCount + draw(unsynced + 1))
    known = log.records
    for (identity, record) in before where known[identity] == nil { lost.append(record.hash) }
    counts.lostKeys = lost.count
  }

  private func changeWindow() {
    guard shape.changesWindow, chance(250) else { return }
    let window = Int64([1_000, 2_500, 4_000, 9_000][draw(4)])
    if window > limits.window { mayLose = true }
    limits = DedupLimits(
      window: window, maximumKeys: limits.maximumKeys, generations: limits.generations)
    noteWindow()
  }

  /// Opens every run; what is damaged is set aside.
  private func openRuns() -> [SealedRun] {
    store.numbers.compactMap { number in
      do {
        return try store.open(number)
      } catch {
        if !damaged.contains(number) { fault("\(error)") }
        counts.setAside += 1
        remove(number)
        return nil
      }
    }
  }

  private func remove(_ number: UInt64) {
    store.remove(number)
    damaged.remove(number)
  }

  /// From what a start knows: its runs, its log, and the snapshot at the log's beginning.
  private func noteHorizon(_ chain: RunChain) {
    horizon = log.retained.first?.horizon ?? horizon
    guard log.start.position > 0 else {
      if chain.lostThrough != nil { fault("keys are lost although the log has them") }
      return
    }
    if chain.through.position < log.start.position {
      guard let created = log.retained.first?.created else { return }
      index.begin(at: log.start, after: created)
    }
    let after = index.completeAfter ?? .min
    if let lost = chain.lostThrough, lost != after { fault("lost \(lost), complete \(after)") }
    guard after > horizon else { return }
    let oldest = max(horizon + 1, now - limits.window)
    if known.values.contains(where: { ($0.arrival >= oldest) && $0.arrival < after }) {
      counts.losses += 1
      if !mayLose { fault("keys are lost through \(after) without a cause") }
    }
    horizon = after
  }

  /// Tells the index every record that the runs do not have, as recovery does.
  private func replay(from through: LogPlace) throws(RunError) {
    var isRemembered = through.position == 0 || through.position < log.start.position
    if isRemembered, through.position == 0 { counts.wholeReplays += 1 }
    if through == log.start { isRemembered = true }
    upkeep.draw = { [unowned self] in draw($0) }
    for block in log.retained {
      var front = LogFront(sealed: block.from, open: block.from.position)
      index.advance(to: block.lastArrival, front: front)
      var rest = block.records[...]
      while isRemembered, !rest.isEmpty {
        let part = rest.prefix(1 + draw(30))
        rest = rest.dropFirst(part.count)
        let batch = part.map {
          PresentedKey(hash: $0.hash, payload: $0.payload, request: .renew)
        }
        _ = try answers(batch, at: block.lastArrival, front: front)
        front.open += UInt64(part.count)
        let synced = SyncedEnd(position: block.end.position, arrival: block.lastArrival)
        index.settle(synced: synced, with: upkeep)
        if let failure = index.takeFailure() as? RunError { throw failure }
      }
      if block.end == through { isRemembered = true }
    }
    if !isRemembered { fault("the runs end at \(through), which is not on the log") }
  }

  /// Asks for every key of the window.
  private func checkNothingIsMissing() {
    let records = known.values.filter { now - $0.arrival <= limits.window }
    judge(records.map { PresentedKey(hash: $0.hash, payload: $0.payload, request: .probe) })
  }
}
