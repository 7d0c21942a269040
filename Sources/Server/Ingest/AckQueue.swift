internal import EventLoop
internal import Metering
internal import SegmentLog

/// Where an answer goes.
enum AnswerTarget {
  /// Back to the sender of a datagram.
  case datagram(UDPEndpoint, SocketAddress)
  /// Back on the connection that the batch came on, in a frame of so many bytes, which no answer is
  /// longer than.
  case stream(StreamPeer, frameLength: Int)
}

/// A connection and the answers that it still waits for.
final class StreamPeer {
  let connection: StreamConnection
  /// Batches that were taken from it and not answered yet.
  private var outstanding = 0
  /// Whether the peer sends no more.
  var hasEnded = false

  init(_ connection: StreamConnection) { self.connection = connection }

  /// Notes that a batch is to be answered.
  func take(frameLength: Int) {
    outstanding += 1
    connection.owe(frameLength)
  }

  /// Notes that a batch is answered, or that it never will be.
  func settle(frameLength: Int) {
    outstanding -= 1
    connection.settle(frameLength)
    finishIfDone()
  }

  /// Ends our direction once the peer has ended its own and everything is answered.
  func finishIfDone() {
    if hasEnded, outstanding == 0 { connection.finish() }
  }
}

/// Answers that wait until what they say is on stable storage, in the order of the log.
struct AckQueue {
  private struct Entry {
    var target: AnswerTarget
    var position: LogPosition
    var start: Int
    var count: Int
  }

  private var entries: [Entry] = []
  private var head = 0
  /// The answers, one behind the other. What is appended here is queued by ``queue(to:after:)``.
  var bytes: [UInt8] = []
  private var queuedByteCount = 0

  /// Answers that wait.
  var count: Int { entries.count - head }

  /// Queues the answer that was appended to ``bytes``.
  ///
  /// - Parameter position: what must be synced before it leaves; never lower than the one before.
  mutating func queue(to target: AnswerTarget, after position: LogPosition) {
    entries.append(
      Entry(
        target: target, position: position, start: queuedByteCount,
        count: bytes.count - queuedByteCount))
    queuedByteCount = bytes.count
  }

  /// Hands over every answer whose position is synced.
  mutating func release(
    through synced: LogPosition, _ body: (AnswerTarget, RawSpan) -> Void
  ) {
    let bytes = self.bytes
    let all = unsafe bytes.span.bytes
    while head < entries.count, entries[head].position <= synced {
      let entry = entries[head]
      body(entry.target, all.extracting(entry.start..<entry.start + entry.count))
      head += 1
    }
    dropReleased()
  }

  private mutating func dropReleased() {
    if head == entries.count {
      entries.removeAll(keepingCapacity: true)
      bytes.removeAll(keepingCapacity: true)
      queuedByteCount = 0
      head = 0
    } else if head >= 4_096, head * 2 >= entries.count {
      compact()
    }
  }

  /// Moves what waits to the front, so that memory is that of what waits.
  private mutating func compact() {
    let offset = entries[head].start
    entries.removeFirst(head)
    bytes.removeFirst(offset)
    queuedByteCount -= offset
    for index in entries.indices { entries[index].start -= offset }
    head = 0
  }
}
