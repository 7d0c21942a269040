import CanonicalLoad

/// One run of a suite.
struct SuiteRun: Codable {
  var report: Report
  /// Its rate, as a share of receiving and acking alone in the same suite.
  var ofBaseline: Double?
  /// The same by the processor time of the receiving thread for a record, which other work on the
  /// machine changes less.
  var ofBaselineByProcessor: Double?
}

/// What handing groups over between loops and partitions costs.
struct HandOverCost: Codable {
  var name: String
  /// Processor time of all threads of the service for a record, in nanoseconds: with one loop and
  /// partition, and with several.
  var single: Double
  var several: Double
  /// Bytes of log for a record, likewise.
  var singleLog: Double
  var severalLog: Double
}

/// Everything that a suite found.
struct SuiteFigures: Codable {
  var mode: SuiteMode
  var machine: Machine
  /// The disk alone; nil if it could not be asked.
  var sync: SyncProbe?
  var runs: [SuiteRun] = []
  var handOvers: [HandOverCost] = []
  /// Other programs, in the full suite.
  var peers: [PeerFigures] = []
  /// What differed or could not be run; empty if all went well.
  var failures: [String] = []

  init(mode: SuiteMode, machine: Machine, sync: SyncProbe?) {
    self.mode = mode
    self.machine = machine
    self.sync = sync
  }
}
