internal import Dedup
internal import Foundation

/// Does the upkeep of a key index on threads of its own, as the service does.
final class UpkeepThread: UpkeepPerformer, Sendable {
  private let queue = DispatchQueue(label: "upkeep", attributes: .concurrent)
  private let lock = NSLock()
  nonisolated(unsafe) private var done: [DedupUpkeep] = []

  func perform(_ piece: DedupUpkeep) {
    queue.async { [self] in
      piece.perform()
      lock.withLock { unsafe done.append(piece) }
    }
  }

  func takeDone() -> [DedupUpkeep] {
    lock.withLock {
      guard unsafe !done.isEmpty else { return [] }
      defer { unsafe done = [] }
      return unsafe done
    }
  }
}
