internal import EventLoop
internal import Foundation

/// An event loop of the service, and what others want done on it.
///
/// What lives on a loop is used on the loop's thread only: until ``start(named:)`` that is the
/// thread that made it. Others hand it work.
final class ServiceLoop: @unchecked Sendable {
  /// The loop, for what lives on it.
  let loop: EventLoop

  private let lock = NSLock()
  private var waiting: [() -> Void] = []
  private var wakeup: Wakeup?
  private let ended = DispatchSemaphore(value: 0)

  init() throws(EventLoopError) {
    loop = try EventLoop()
    wakeup = try loop.makeWakeup { [unowned self] in work() }
  }

  /// Does something on the loop's thread: at once if the caller lives on this loop too, otherwise
  /// soon, in the order in which it was asked for. Nothing is done once the loop has ended.
  ///
  /// - Parameter caller: the loop that the caller lives on; nil for none.
  func perform(from caller: ServiceLoop?, _ action: @escaping () -> Void) {
    if caller === self { return action() }
    let isFirst = lock.withLock {
      waiting.append(action)
      return waiting.count == 1
    }
    if isFirst { wakeup?.signal() }
  }

  /// Whether something waits to be done.
  var hasWork: Bool { lock.withLock { !waiting.isEmpty } }

  /// What is done at once; between two rounds the loop ends an iteration, which seals and sends.
  private static let round = 8

  private func work() {
    let (actions, isMore) = lock.withLock {
      let actions = Array(waiting.prefix(Self.round))
      waiting.removeFirst(actions.count)
      return (actions, !waiting.isEmpty)
    }
    if isMore { wakeup?.signal() }
    for action in actions { action() }
  }

  /// Runs the loop on a thread of its own until it is stopped, and closes it then.
  func start(named name: String) {
    let thread = Thread { [self] in
      Thread.current.name = name
      loop.run()
      loop.close()
      ended.signal()
    }
    thread.start()
  }

  /// Waits for the end of the thread.
  func join() { ended.wait() }
}
