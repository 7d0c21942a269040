internal import Dedup
internal import Foundation

/// Does the upkeep of the key index on threads beside the loop's, so that sealing a generation or
/// taking memory never holds up an ack.
///
/// A piece that is under way when the process ends is lost without harm: recovery makes the index.
final class UpkeepQueue: Sendable {
  private let onDone: @Sendable () -> Void
  private let queue = DispatchQueue(label: "upkeep", attributes: .concurrent)
  private let lock = NSLock()
  nonisolated(unsafe) private var done: [DedupUpkeep] = []

  /// - Parameter onDone: called on another thread when a piece is done.
  init(onDone: @escaping @Sendable () -> Void) { self.onDone = onDone }

  /// Begins a piece.
  func perform(_ upkeep: DedupUpkeep) {
    queue.async { [self] in
      upkeep.perform()
      lock.withLock { unsafe done.append(upkeep) }
      onDone()
    }
  }

  /// Takes the pieces that are done.
  func takeDone() -> [DedupUpkeep] {
    lock.withLock {
      defer { unsafe done = [] }
      return unsafe done
    }
  }
}
