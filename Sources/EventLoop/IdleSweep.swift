/// The connections of a loop that have an idle deadline, looked at by one coarse timer.
///
/// A connection ends between its deadline and one interval later. Adding and removing are O(1), a
/// sweep is O(n). The timer runs only while there are connections.
struct IdleSweep {
  /// How often the connections are looked at, in milliseconds.
  static let intervalMilliseconds: Int64 = 250

  private var connections: [StreamConnection] = []
  private var timer: LoopTimer?

  mutating func add(_ connection: StreamConnection, on loop: EventLoop) {
    connection.idleIndex = connections.count
    connections.append(connection)
    guard connections.count == 1 else { return }
    let interval = Self.intervalMilliseconds
    if let timer {
      timer.start(after: interval, every: interval)
    } else {
      timer = loop.makeTimer(after: interval, every: interval) { [unowned loop] in
        IdleSweep.sweep(loop)
      }
      timer?.keepsLoopRunning = false
    }
  }

  mutating func remove(_ connection: StreamConnection) {
    guard let index = connection.idleIndex else { return }
    connection.idleIndex = nil
    let last = connections.removeLast()
    if last !== connection {
      connections[index] = last
      last.idleIndex = index
    }
    if connections.isEmpty { timer?.stop() }
  }

  /// Called when the loop closes: lets go of the timer.
  mutating func end() {
    timer = nil
  }

  private static func sweep(_ loop: EventLoop) {
    let now = EventLoop.monotonicMilliseconds()
    // Closing removes from the list, so the list is copied first.
    for connection in loop.idleSweep.connections { connection.closeIfIdle(now: now) }
  }
}
