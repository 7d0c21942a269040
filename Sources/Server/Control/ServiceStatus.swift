/// The state of a running service, for `weighbridge status`.
public struct ServiceStatus: Codable, Sendable {
  /// Sockets and frames.
  public struct Ingest: Codable, Sendable {
    /// Addresses for datagrams.
    public var udp: [String]
    /// Addresses for connections.
    public var tcp: [String]
    /// Open connections.
    public var connections: Int
    /// Connections that were refused because too many were open.
    public var refusedConnections: UInt64
    /// Connections that the service ended before their peer did, by reason.
    public var cutConnections: [String: UInt64]
    /// Frames that were received.
    public var frames: UInt64
    /// Bytes of these frames.
    public var bytes: UInt64
    /// Heartbeats.
    public var heartbeats: UInt64
    /// Frames that were not taken and not answered, by reason.
    public var invalidFrames: [String: UInt64]
    /// Datagrams that the kernel dropped because the receive buffer was full.
    public var kernelDrops: UInt64
    /// Answers that were dropped because a peer's queue was full.
    public var droppedAnswers: UInt64
    /// Answers that wait for a sync.
    public var waitingAnswers: Int
  }

  /// What became of records and batches since the start.
  public struct Verdicts: Codable, Sendable {
    /// Batches judged.
    public var batches: UInt64
    /// Batches whose receipt was repeated.
    public var resent: UInt64
    /// Records by verdict.
    public var records: [String: UInt64]
    /// Rejected records by reason.
    public var rejected: [String: UInt64]
    /// Refused batches by reason.
    public var refused: [String: UInt64]
    /// Records booked under the overflow context.
    public var overflowed: UInt64
  }

  /// The sources of usage.
  public struct Sources: Codable, Sendable {
    /// Numberings that are known, each of a source and epoch.
    public var known: Int
    /// How many of them have gaps.
    public var withGaps: Int
    /// Some of those, the one that was heard last first.
    public var gaps: [Gaps]
  }

  /// What is missing in the numbering of a source and epoch.
  public struct Gaps: Codable, Sendable {
    /// The source's name.
    public var source: String
    /// Its epoch.
    public var epoch: UInt64
    /// How many batches it numbered that were not received.
    public var missing: UInt64
    /// The sequence of the first of them.
    public var first: UInt64
    /// The last sequence that is missing right after the first.
    public var through: UInt64
  }

  /// The log.
  public struct Log: Codable, Sendable {
    /// Segments that are there.
    public var segments: Int
    /// Their bytes.
    public var bytes: Int
    /// The position of the end of the log; of several partitions the sum, as wherever a position
    /// of all of them is told.
    public var position: UInt64
    /// The position up to which it is on stable storage.
    public var synced: UInt64
    /// Syncs since the start.
    public var syncs: UInt64
    /// Bytes that wait for the writer.
    public var queuedBytes: Int
    /// Free bytes on the disk.
    public var diskFree: UInt64
    /// Free bytes below which usage is refused.
    public var diskReserve: Int
  }

  /// The dedup index.
  public struct Dedup: Codable, Sendable {
    /// Keys in the window.
    public var keys: Int
    /// Keys that fit below all limits.
    public var capacity: Int
    /// The setting that decides it.
    public var boundBy: String
    /// Bytes of memory.
    public var bytes: Int
    /// Bytes of memory for each key.
    public var bytesPerKey: Double
    /// Keys that stand on disk.
    public var sealedKeys: Int
    /// Bytes of disk.
    public var diskBytes: Int
    /// How full the tables are that take new keys, 0 to 1.
    public var load: Double
    /// Generations, of all partitions.
    public var generations: Int
    /// How many of them stand on disk.
    public var runs: Int
    /// Share of new keys that the filter over all runs lets through, 0 to 1.
    public var falsePositiveRate: Double
    /// New keys a second of late.
    public var keysPerSecond: Int
    /// Seconds until no key fits any more if keys go on coming like this; absent: enough of them
    /// leave before.
    public var secondsLeft: Int64?
    /// The arrival from which the index is complete; absent: from the beginning.
    public var horizon: String?
  }

  /// Postgres.
  public struct Flush: Codable, Sendable {
    /// Whether it is the private one below the data directory.
    public var isPrivate: Bool
    /// The log position that Postgres has.
    public var position: UInt64
    /// Entries of the log that Postgres does not have.
    public var unflushedEntries: UInt64
    /// Rows that wait.
    public var unflushedRows: Int
    /// Flushes since the start.
    public var committed: UInt64
    /// Rows of these flushes.
    public var rows: UInt64
    /// Failed attempts of the flush that is under way.
    public var failures: Int
    /// Why the last attempt failed.
    public var lastError: String?
  }

  /// Hours.
  public struct Hours: Codable, Sendable {
    /// The last closed hour.
    public var closedThrough: String?
    /// The last closed hour that Postgres has.
    public var flushedThrough: String?
  }

  /// Scheduled work, as Postgres had it when it was last asked.
  public struct Jobs: Codable, Sendable {
    /// Jobs that wait for their next attempt.
    public var waiting: Int
    /// Jobs that are under way.
    public var running: Int
    /// Jobs that were given up.
    public var failed: Int
    /// Why Postgres could not be asked.
    public var lastError: String?
  }

  /// One partition.
  public struct Partition: Codable, Sendable {
    /// Its number.
    public var number: Int
    /// The position of the end of its log.
    public var position: UInt64
    /// The position up to which its log is on stable storage.
    public var synced: UInt64
    /// Keys in its window.
    public var keys: Int
    /// Entries of its log that Postgres does not have.
    public var unflushedEntries: UInt64
    /// Rows that wait for Postgres.
    public var unflushedRows: Int
    /// Bytes that wait for its writer.
    public var queuedBytes: Int
  }

  /// Whether usage is taken.
  public var isReady: Bool
  /// Why usage is not taken, or what an operator should look at.
  public var concerns: [String]
  /// The process.
  public var process: Int32
  /// The installation's id.
  public var installation: String
  /// The data directory.
  public var dataDirectory: String
  /// When the service started.
  public var started: String
  /// The ledger's time.
  public var time: String
  /// Sockets and frames.
  public var ingest: Ingest
  /// Verdicts.
  public var verdicts: Verdicts
  /// Sources.
  public var sources: Sources
  /// The log.
  public var log: Log
  /// The dedup index.
  public var dedup: Dedup
  /// Postgres.
  public var flush: Flush
  /// Hours.
  public var hours: Hours
  /// Jobs.
  public var jobs: Jobs
  /// The partitions, whose sums the parts above give.
  public var partitions: [Partition]
}
