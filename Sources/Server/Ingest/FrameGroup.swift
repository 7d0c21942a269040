internal import Metering
internal import Synchronization
internal import Wire

/// A group of frames on its way from a reception through every partition and back.
///
/// The reception owns it; while partitions have it each of them owns its ``Part``, and nobody
/// changes the rest. It comes back once every part is done.
final class FrameGroup {
  /// What one partition judges of the group.
  final class Part {
    /// Every frame, with the records of this partition's tenants.
    var columns = UsageColumns()
    /// What became of them.
    var outcomes = PartOutcomes()
  }

  /// Word of a source of the highest sequence that it issued.
  struct Heartbeat {
    var source: [UInt8]
    var epoch: UInt64
    var highestSequence: UInt64
  }

  /// The group as it was decoded.
  var columns = UsageColumns()
  /// Where the answer of each frame goes. Used where the reception lives, and empty elsewhere in
  /// the end, since connections must not end on another thread.
  var targets: [AnswerTarget] = []
  var heartbeats: [Heartbeat] = []
  /// Both clocks when it was handed over, in milliseconds.
  var time: (wall: Int64, monotonic: Int64) = (0, 0)
  /// What it counts for towards the limit of what is in hand.
  var byteCount = 0
  let parts: [Part]

  /// Parts that are not done.
  private let open = Atomic<Int>(0)

  init(parts count: Int) { parts = (0..<count).map { _ in Part() } }

  /// Begins its way.
  func begin() { open.store(parts.count, ordering: .relaxed) }

  /// Notes that a part is done, which no one touches from then on but the reception.
  ///
  /// - Returns: whether it was the last one.
  func finishPart() -> Bool {
    open.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
  }

  /// Forgets what it held; capacities are kept.
  func removeAll() {
    columns.removeAll()
    targets.removeAll(keepingCapacity: true)
    heartbeats.removeAll(keepingCapacity: true)
  }
}
