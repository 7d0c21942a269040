import CanonicalLoad

/// How a load is sent.
struct LoadPlan {
  var host: String
  var port: UInt16
  var transport: Transport
  var sources: Int
  /// Batches of one source that may wait for their acks.
  var window: Int
  var seconds: Double
  var records: Int64
  /// Records per second on a schedule; nil for as many as the window lets through.
  var rate: Double?
  /// The base time of all frames; nil for the time of sending.
  var baseTime: Int64?
  /// What answers are signed with; nil for no authentication.
  var secret: [UInt8]?
  /// One answer of so many has its tag checked.
  var checkEvery = 1
  /// The core of the sending thread; nil for any.
  var core: Int?
  /// Seconds without any answer after which the run has failed.
  var patience = 30.0
}

/// What a load came to.
struct LoadResult {
  /// From the first batch to the last ack.
  var seconds = 0.0
  var sentBatches: Int64 = 0
  var sentRecords: Int64 = 0
  var ackedBatches: Int64 = 0
  var ackedRecords: Int64 = 0
  /// Batches that were sent again because no ack came in time.
  var resentBatches: Int64 = 0
  /// Acks that repeat a receipt.
  var repeatedReceipts: Int64 = 0
  /// Refused batches by the raw value of the reason.
  var refusals: [UInt8: Int64] = [:]
  var verdicts = VerdictTotals()
  var latency = LatencyHistogram()
  /// Answers whose tag was checked, and those that were wrong.
  var checkedTags: Int64 = 0
  var wrongAnswers: Int64 = 0
  /// Datagrams that left in one buffer.
  var group = 1
  /// Processor time of the sending thread.
  var senderSeconds = 0.0
  /// Records acked by the time of each, for the time that they take to Postgres.
  var progress = Progress()
  /// Why the run did not end well.
  var failure: String?
}

/// How many records were acked when.
struct Progress {
  struct Point {
    /// On the monotonic clock, in nanoseconds.
    var time: Int64
    /// Records that were new, acked until then.
    var records: Int64
  }

  private(set) var points: [Point] = []
  private static let every: Int64 = 5_000_000

  /// Notes the records so far, at most once in 5 ms.
  mutating func note(_ time: Int64, records: Int64) {
    if let last = points.last, time - last.time < Self.every { return }
    points.append(Point(time: time, records: records))
  }
}
