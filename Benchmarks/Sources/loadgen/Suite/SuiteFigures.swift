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

/// Everything that a suite found.
struct SuiteFigures: Codable {
  var mode: SuiteMode
  var machine: Machine
  /// The disk alone; nil if it could not be asked.
  var sync: SyncProbe?
  var runs: [SuiteRun] = []
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
