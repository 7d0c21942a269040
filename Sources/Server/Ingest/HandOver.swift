internal import EventLoop
internal import Metering
internal import Wire

/// What a reception needs to hand groups over to partitions that live on other loops; the reception
/// owns it.
final class HandOver {
  /// Bytes of frames that one reception may have in hand: enough for the syncs of a slow disk, and
  /// at most about a second's work of a partition.
  static let byteLimit = 8 << 20
  /// What a group counts for at least for each partition: the memory of a part with one record.
  static let leastPart = 16 << 10
  /// What a heartbeat counts for.
  static let heartbeatBytes = 128
  /// Groups that are kept to be used again.
  static let idleGroups = 64

  let partitions: [Partition]
  let tenants: TenantPartitions
  private var split: UsageSplit
  private var merge = OutcomeMerge()
  var heartbeats: [FrameGroup.Heartbeat] = []
  /// Bytes that groups in hand count for.
  private var bytesInHand = 0
  /// Frames of the groups in hand.
  private(set) var framesInHand = 0
  /// Groups that wait to be used again.
  private var idle: [FrameGroup] = []

  init(to partitions: [Partition], tenants: TenantPartitions) {
    self.partitions = partitions
    self.tenants = tenants
    split = UsageSplit(parts: partitions.count)
  }

  var isFull: Bool { bytesInHand >= Self.byteLimit }

  /// A group without anything in it.
  func takeGroup() -> FrameGroup {
    idle.popLast() ?? FrameGroup(parts: partitions.count)
  }

  /// Keeps a group to be used again.
  func giveBack(_ group: FrameGroup) {
    group.removeAll()
    if idle.count < Self.idleGroups { idle.append(group) }
  }

  /// Begins the way of a group that holds its frames.
  func begin(_ group: FrameGroup) {
    swap(&group.heartbeats, &heartbeats)
    group.time = (EventLoop.wallMilliseconds(), EventLoop.monotonicMilliseconds())
    group.byteCount = group.heartbeats.count * Self.heartbeatBytes
    for frame in group.columns.frames.indices {
      group.byteCount += group.columns.frames[frame].header.length
    }
    group.byteCount = max(group.byteCount, partitions.count * Self.leastPart)
    bytesInHand += group.byteCount
    framesInHand += group.columns.frames.count
    split.divide(group.columns) { [tenants] in tenants.partition(ofTenant: $0) }
    group.begin()
  }

  /// Makes a partition's part of a group.
  func fill(_ partition: UInt16, of group: FrameGroup) {
    let part = group.parts[Int(partition)]
    split.fill(Int(partition), of: group.columns, into: &part.columns)
  }

  /// Ends the way of a group, and merges what became of its parts.
  func end(_ group: FrameGroup) -> PartOutcomes {
    bytesInHand -= group.byteCount
    framesInHand -= group.columns.frames.count
    merge.merge(group.parts.map(\.outcomes), of: group.columns)
    return merge.merged
  }
}
