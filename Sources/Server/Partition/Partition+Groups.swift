internal import Metering
internal import SegmentLog
internal import Wire

extension Partition {
  /// A group whose part was judged and is not synced yet.
  struct JudgedGroup {
    var group: FrameGroup
    var reception: Reception
    var end: LogPosition
  }

  /// Judges this partition's part of a group; it goes back once it is synced.
  func take(_ group: FrameGroup, for reception: Reception) {
    let part = group.parts[Int(number)]
    for heartbeat in group.heartbeats {
      unsafe ledger.noteHeartbeat(
        source: heartbeat.source.span.bytes, epoch: heartbeat.epoch,
        highestIssued: heartbeat.highestSequence)
    }
    var end = LogPosition(0)
    if !group.columns.frames.isEmpty {
      judge(part.columns, wall: group.time.wall, monotonic: group.time.monotonic)
      part.outcomes.take(from: ledger)
      for outcome in part.outcomes.outcomes { end = max(end, outcome.receipt.position) }
    }
    judged.append(JudgedGroup(group: group, reception: reception, end: end))
  }

  /// Gives the groups back whose parts are on stable storage.
  func releaseGroups(through synced: LogPosition) {
    let waiting = judged.firstIndex { $0.end > synced } ?? judged.count
    guard waiting > 0 else { return }
    for part in judged[..<waiting] where part.group.finishPart() {
      part.reception.home.perform(from: home) { part.reception.finish(part.group) }
    }
    judged.removeFirst(waiting)
  }
}
