public import EventLoop
public import Metering

/// The whole effective configuration of the service.
///
/// The property values here are the defaults; ``Setting/all`` takes them from here, so that
/// help, checks and behaviour cannot disagree. ``ConfigurationLoader`` is the only maker of other
/// values, and hands out none that breaks a range or a relation.
public struct ServerConfiguration: Sendable, Equatable {
  /// The directory of everything that the service keeps, absolute.
  public var dataDirectory = "/var/lib/weighbridge"
  /// Receiving.
  public var ingest = Ingest()
  /// Who may send.
  public var authentication = Authentication()
  /// Which event times are taken.
  public var acceptance = Acceptance()
  /// Recognising idempotency keys.
  public var dedup = Dedup()
  /// Closing hours.
  public var hours = Hours()
  /// Bounds of what the ledger remembers.
  public var limits = Limits()
  /// The log of segments.
  public var log = Log()
  /// Writing rollups to Postgres.
  public var flush = Flush()
  /// The database.
  public var postgres = Postgres()
  /// Work at its time.
  public var jobs = Jobs()
  /// Trust in the clock.
  public var clock = Clock()
  /// The file of what was authentic and rejected.
  public var quarantine = Quarantine()
  /// Stopping.
  public var shutdown = Shutdown()
  /// The service's own log lines.
  public var logging = Logging()
  /// Weights of operations; unknown operations weigh 1.
  public var weights = WeightTable.empty
  /// Calendars of tenants; others have calendar months in UTC.
  public var calendars = CalendarTable.empty

  /// The configuration of nothing but defaults.
  public init() {}

  /// Receiving.
  public struct Ingest: Sendable, Equatable {
    /// Addresses that take datagrams; empty for none.
    public var udp = Ingest.meetingPoint
    /// Addresses that take connections; empty for none.
    public var tcp = Ingest.meetingPoint
    /// Largest frame in bytes.
    public var maximumFrame = 65_507
    /// Receive buffer of each socket for datagrams, in bytes, asked of the kernel.
    public var receiveBuffer = 4 << 20
    /// Open connections at one time.
    public var maximumConnections = 10_000
    /// How long a connection may bring nothing.
    public var idleTimeout = Duration.seconds(300)
    /// Receiving loops, each with a thread and sockets of its own.
    public var loops = 1
    /// Partitions of the ledger.
    public var partitions = 1

    /// Whether one thread receives and judges, so that nothing is handed over.
    var isSingle: Bool { loops == 1 && partitions == 1 }
    /// Open connections of one loop at one time.
    var connectionsPerLoop: Int { (maximumConnections + loops - 1) / loops }

    /// 127.0.0.1:4040, where service and senders meet by default.
    public static let meetingPoint = [SocketAddress("127.0.0.1:4040")].compactMap(\.self)
  }

  /// Who may send.
  public struct Authentication: Sendable, Equatable {
    /// Whether frames carry a tag.
    public enum Mode: String, Sendable, CaseIterable {
      /// No tags; loopback addresses only.
      case none
      /// Every frame is tagged under a known key.
      case required
    }
    /// Whether frames carry a tag.
    public var mode = Mode.none
    /// The file of keys, absolute; nil for no keys.
    public var keysFile: String?
    /// The keys of that file, ascending by id.
    public var keys: [SourceKey] = []
  }

  /// Which event times are taken.
  public struct Acceptance: Sendable, Equatable {
    /// How old an event time may be.
    public var back = Duration.seconds(35 * 86_400)
    /// How far ahead an event time may be.
    public var ahead = Duration.seconds(3_600)
  }

  /// Recognising idempotency keys.
  public struct Dedup: Sendable, Equatable {
    /// How long a key is recognised after its first arrival.
    public var window = Duration.seconds(36 * 86_400)
    /// Keys in the index; at the limit batches are refused with a request to retry later.
    public var maximumKeys = 1_000_000_000
    /// Bytes of memory that the index may take.
    public var maximumMemory = 4 << 30
    /// Bytes of files that the index may take.
    public var maximumDisk = 24 << 30
  }

  /// Closing hours.
  public struct Hours: Sendable, Equatable {
    /// How long after its end an hour stays open.
    public var closeGrace = Duration.seconds(600)
  }

  /// Bounds of what the ledger remembers.
  public struct Limits: Sendable, Equatable {
    /// Distinct tenants.
    public var tenants = 100_000
    /// Distinct operations.
    public var operations = 4_096
    /// Distinct contexts of one tenant; further ones share one overflow context.
    public var contextsPerTenant = 10_000
    /// Distinct contexts of all tenants; further ones are counted in the overflow context too.
    public var contexts = 1_000_000
    /// Distinct sources, each epoch counted.
    public var sources = 100_000
    /// Remembered gaps in the numbering of one source.
    public var gapsPerSource = 4_096
    /// Receipts whose details are kept for resent batches.
    public var receiptDetails = 262_144
    /// Voided, amended and replayed records that are remembered.
    public var corrections = 100_000
  }

  /// The log of segments.
  public struct Log: Sendable, Equatable {
    /// Size in bytes at which a segment is closed.
    public var segmentSize = 256 << 20
    /// Age at which a segment is closed.
    public var segmentAge = Duration.seconds(3_600)
    /// How long a sync waits for more batches.
    public var commitDelay = Duration.zero
    /// Age below which no segment is deleted.
    public var retention = Duration.seconds(40 * 86_400)
    /// Free bytes below which batches are refused.
    public var diskReserve = 1 << 30
  }

  /// Writing rollups to Postgres.
  public struct Flush: Sendable, Equatable {
    /// Time between flushes.
    public var interval = Duration.seconds(10)
    /// Rollup rows that may wait for Postgres.
    public var maximumRows = 2_000_000
  }

  /// The database.
  public struct Postgres: Sendable, Equatable {
    /// A connection string of libpq; nil for a private cluster below the data directory.
    public var url: String?
  }

  /// Work at its time. Cron expressions are in UTC.
  public struct Jobs: Sendable, Equatable {
    /// When the last period that is over is finalized; nil for never by itself.
    public var finalize: CronSchedule?
    /// How long after a slot of ``finalize``.
    public var finalizeAfter = Duration.seconds(72 * 3_600)
    /// When Postgres is compared with the log; nil for never by itself.
    public var verify = try? CronSchedule(parsing: "17 3 * * *")
    /// When the last period that is over is exported; nil for never by itself.
    public var export: CronSchedule?
    /// Where exports are put; nil for `exports` in the data directory.
    public var exportDirectory: String?
    /// How exports are written.
    public var exportFormat = ExportFormat.csv
    /// How exports are compressed.
    public var exportCompression = ExportCompression.none
    /// Attempts after which a job is given up.
    public var attempts = 8
    /// Tenants with a finalize of their own, ascending by the bytes of the name.
    public var tenants: [TenantJobs] = []
  }

  /// Trust in the clock.
  public struct Clock: Sendable, Equatable {
    /// How far a start may find the clock ahead of the log without an operator's confirmation.
    public var maximumAdvance = Duration.seconds(7 * 86_400)
  }

  /// The file of what was authentic and rejected.
  public struct Quarantine: Sendable, Equatable {
    /// Its size in bytes; the oldest entries leave first.
    public var maximumBytes = 64 << 20
  }

  /// Stopping.
  public struct Shutdown: Sendable, Equatable {
    /// How long an orderly stop may take.
    public var limit = Duration.seconds(30)
  }

  /// The service's own log lines.
  public struct Logging: Sendable, Equatable {
    /// The least severe lines that are written.
    public var level = LogLevel.info
    /// How lines look.
    public var format = LogFormat.text
  }
}
