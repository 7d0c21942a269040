internal import EventLoop

/// The state of a reception at one moment.
struct ReceptionReport {
  var udp: [String]
  var tcp: [String]
  var connections: Int
  var refusedConnections: UInt64
  var cutConnections: [String: UInt64]
  var counters: IngestCounters
  var kernelDrops: UInt64
  var droppedAnswers: UInt64
  var waitingAnswers: Int
}

extension Reception {
  /// The state of this moment.
  func report() -> ReceptionReport {
    ReceptionReport(
      udp: endpoints.map { "\($0.localAddress)" }, tcp: listeners.map { "\($0.localAddress)" },
      connections: listeners.reduce(0) { $0 + $1.connectionCount },
      refusedConnections: listeners.reduce(0) { $0 + $1.refusedConnections },
      cutConnections: cutConnections, counters: counters,
      kernelDrops: endpoints.reduce(0) { $0 + $1.kernelDrops },
      droppedAnswers: endpoints.reduce(0) { $0 + $1.statistics.framesDropped },
      waitingAnswers: waitingAnswers)
  }
}
