import MemoryRuns

@testable import Dedup

/// Upkeep that is performed late, in any order, and taken back later.
final class LateUpkeep: UpkeepPerformer {
  var pieces: [DedupUpkeep] = []
  /// Decides which of some pieces is next, and whether one is done yet.
  var draw: (Int) -> Int = { _ in 0 }

  func perform(_ upkeep: DedupUpkeep) { pieces.append(upkeep) }

  func takeDone() -> [DedupUpkeep] {
    for piece in pieces where !piece.isDone && draw(3) == 0 { piece.perform() }
    let done = pieces.filter { $0.isDone && draw(3) > 0 }
    pieces.removeAll { piece in done.contains { $0 === piece } }
    return done.count > 1 && draw(2) == 0 ? done.reversed() : done
  }
}

extension History {
  /// Takes, performs or takes back a piece of upkeep.
  func doUpkeep() {
    switch draw(4) {
    case 0, 1: if let piece = index.takeUpkeep(synced: log.synced) { upkeep.pieces.append(piece) }
    case 2:
      let waiting = upkeep.pieces.filter { !$0.isDone }
      if !waiting.isEmpty { waiting[draw(waiting.count)].perform() }
    default:
      let done = upkeep.pieces.indices.filter { upkeep.pieces[$0].isDone }
      if !done.isEmpty { finish(upkeep.pieces.remove(at: done[draw(done.count)])) }
    }
  }

  /// Does all upkeep; what was damaged stops it.
  func finishUpkeep() {
    store.fail(afterOperations: nil)
    // Also what failed, after its time.
    now += 1_000
    index.advance(to: now, front: log.front)
    sealBlock()
    log.sync(log.blocks.count)
    repeat {
      while let piece = upkeep.pieces.first {
        upkeep.pieces.removeFirst()
        if !piece.isDone { piece.perform() }
        if !finish(piece) { return finishUpkeep() }
      }
      if let piece = index.takeUpkeep(synced: log.synced) { upkeep.pieces.append(piece) }
    } while !upkeep.pieces.isEmpty
  }

  /// - Returns: whether the process goes on.
  @discardableResult
  private func finish(_ piece: DedupUpkeep) -> Bool {
    index.finish(piece)
    guard let failure = index.takeFailure() else { return true }
    counts.failures += 1
    if let damage = failure as? RunError {
      stop(damage)
      return false
    }
    if !(failure is MemoryRunStore.Failure) { fault("\(failure)") }
    return true
  }
}
