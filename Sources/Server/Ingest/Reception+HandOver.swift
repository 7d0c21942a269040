internal import EventLoop
internal import Metering
internal import SegmentLog
internal import Wire

extension Reception {
  /// Hands what has gathered over to every partition, or refuses it if too much is in hand.
  func judge(by handOver: HandOver) {
    guard !columns.frames.isEmpty || !handOver.heartbeats.isEmpty else { return }
    if isDraining || handOver.isFull {
      refuseGroup(isDraining ? .draining : .queueFull)
      handOver.heartbeats.removeAll(keepingCapacity: true)
      return
    }
    let group = handOver.takeGroup()
    swap(&group.columns, &columns)
    swap(&group.targets, &targets)
    handOver.begin(group)
    for partition in handOver.partitions {
      handOver.fill(partition.number, of: group)
      partition.home.perform(from: home) { [self] in partition.take(group, for: self) }
    }
  }

  /// Refuses every frame of the group that has gathered.
  private func refuseGroup(_ reason: RefusalReason) {
    let arrival = Timestamp(milliseconds: EventLoop.wallMilliseconds())
    for frame in columns.frames.indices {
      let header = columns.frames[frame].header
      counters.refused[reason, default: 0] += 1
      refuse(
        columns.sourceName(ofFrame: frame), AnswerHeader(answering: header, arrival: arrival),
        targets[frame], reason)
      settle(targets[frame])
    }
    columns.removeAll()
    targets.removeAll(keepingCapacity: true)
  }

  /// Answers a group whose parts are all judged and synced.
  func finish(_ group: FrameGroup) {
    guard let handOver else { preconditionFailure("BUG: a group came back to who sent none") }
    let merged = handOver.end(group)
    for outcome in merged.outcomes {
      counters.count(outcome.disposition)
      answer(
        outcome, merged.exceptions.span, merged.missing.span, group.columns,
        to: group.targets[outcome.frame])
    }
    handOver.giveBack(group)
    release(through: LogPosition(0))
  }
}
