extension Setting {
  /// Every setting there is, in the order of the sample configuration.
  public static let all: [Setting] =
    [
      Setting(
        "dataDirectory", \.dataDirectory, PathFormat(),
        "Directory of everything that the service keeps.")
    ] + receiving + judging + keeping + running

  /// The setting with this key in the configuration file, or nil. Linear in their number.
  public static func named(_ key: String) -> Setting? { all.first { $0.key == key } }

  private static let receiving: [Setting] = [
    Setting(
      "ingest.udp", \.ingest.udp, AddressesFormat(),
      "Addresses that take datagrams."),
    Setting(
      "ingest.tcp", \.ingest.tcp, AddressesFormat(),
      "Addresses that take connections."),
    Setting(
      "ingest.maximumFrame", \.ingest.maximumFrame, SizeFormat(192...65_507),
      "Largest frame that is taken; a larger one is refused before it is read."),
    Setting(
      "ingest.receiveBuffer", \.ingest.receiveBuffer, SizeFormat((64 << 10)...(1 << 30)),
      "Receive buffer of each socket for datagrams; net.core.rmem_max may grant less."),
    Setting(
      "ingest.maximumConnections", \.ingest.maximumConnections,
      NumberFormat(1...1_000_000, of: "connections"),
      "Connections that may be open at one time."),
    Setting(
      "ingest.idleTimeout", \.ingest.idleTimeout, DurationFormat(.seconds(1)...days(1)),
      "How long a connection may bring nothing before it is closed."),
    Setting(
      "ingest.loops", \.ingest.loops, NumberFormat(1...64, of: "loops"),
      "Receiving loops, each with a thread and sockets of its own at the same addresses."),
    Setting(
      "ingest.partitions", \.ingest.partitions, NumberFormat(1...64, of: "partitions"),
      "Partitions of the ledger, each with its own log and thread; fixed by the first start."),
    Setting(
      "authentication.mode", \.authentication.mode,
      ChoiceFormat<ServerConfiguration.Authentication.Mode>(),
      "Whether every frame must be tagged under a key; none is for loopback addresses only."),
    Setting(
      "authentication.keysFile", \.authentication.keysFile,
      OptionalFormat(absence: "none", wrapped: PathFormat()),
      "File of keys, readable by its owner only, one line per key: ID SECRET_IN_HEX [NAME]."),
  ]

  private static let judging: [Setting] = [
    Setting(
      "acceptance.back", \.acceptance.back, DurationFormat(.seconds(60)...days(3_650)),
      "How old an event time may be."),
    Setting(
      "acceptance.ahead", \.acceptance.ahead, DurationFormat(.zero...days(7)),
      "How far ahead of the clock an event time may be."),
    Setting(
      "dedup.window", \.dedup.window, DurationFormat(.seconds(60)...days(3_660)),
      "How long a key is recognised after its first arrival."),
    Setting(
      "dedup.maximumKeys", \.dedup.maximumKeys, NumberFormat(1...100_000_000_000, of: "keys"),
      "Keys that may be in the window; at the limit batches are told to retry later."),
    Setting(
      "dedup.maximumMemory", \.dedup.maximumMemory, SizeFormat((64 << 20)...(16 << 40)),
      "Memory for keys: 3 bytes for each, and up to a quarter of it for those that came last."),
    Setting(
      "dedup.maximumDisk", \.dedup.maximumDisk, SizeFormat((64 << 20)...(1 << 50)),
      "Disk for keys, beside the log: 18 bytes for each, and an eighth of it for merging."),
    Setting(
      "hours.closeGrace", \.hours.closeGrace, DurationFormat(.zero...days(7)),
      "How long after its end an hour stays open."),
    Setting(
      "limits.tenants", \.limits.tenants, NumberFormat(1...10_000_000, of: "tenants"),
      "Distinct tenants; records of further ones are rejected."),
    Setting(
      "limits.operations", \.limits.operations, NumberFormat(1...65_535, of: "operations"),
      "Distinct operations; records of further ones are rejected."),
    Setting(
      "limits.contextsPerTenant", \.limits.contextsPerTenant,
      NumberFormat(1...1_000_000, of: "contexts"),
      "Distinct contexts of one tenant; further ones are counted in one overflow context."),
    Setting(
      "limits.contexts", \.limits.contexts, NumberFormat(1...100_000_000, of: "contexts"),
      "Distinct contexts of all tenants; further ones are counted in the overflow context too."),
    Setting(
      "limits.sources", \.limits.sources, NumberFormat(1...1_000_000, of: "sources"),
      "Distinct sources, each epoch counted; batches of further ones are told to retry later."),
    Setting(
      "limits.gapsPerSource", \.limits.gapsPerSource, NumberFormat(1...65_536, of: "gaps"),
      "Gaps in the numbering of one source that are remembered."),
    Setting(
      "limits.receiptDetails", \.limits.receiptDetails,
      NumberFormat(1...16_777_216, of: "receipts"),
      "Receipts whose details are kept for batches that are sent again."),
    Setting(
      "limits.corrections", \.limits.corrections, NumberFormat(1...10_000_000, of: "corrections"),
      "Voided, amended and replayed records that are remembered, as long as their segments."),
    Setting(
      "calendars", \.calendars, CalendarsFormat(),
      "Day and offset from UTC with which a tenant's periods begin; others have months in UTC."),
    Setting(
      "weights", \.weights, WeightsFormat(),
      "Compute units per unit of each operation, effective by event time; others weigh 1."),
  ]

  private static let keeping: [Setting] = [
    Setting(
      "log.segmentSize", \.log.segmentSize, SizeFormat((1 << 20)...(4 << 30)),
      "Size at which a segment is closed and the next begun."),
    Setting(
      "log.segmentAge", \.log.segmentAge, DurationFormat(.seconds(1)...days(30)),
      "Age at which a segment is closed and the next begun."),
    Setting(
      "log.commitDelay", \.log.commitDelay, DurationFormat(.zero ... .seconds(1)),
      "How long a sync waits for more batches to share it."),
    Setting(
      "log.retention", \.log.retention, DurationFormat(.zero...days(36_500)),
      "Age below which no segment is deleted; open periods and keys not yet in runs keep more."),
    Setting(
      "log.diskReserve", \.log.diskReserve, SizeFormat(0...(16 << 40)),
      "Free space of the disk below which batches are told to retry later."),
    Setting(
      "quarantine.maximumBytes", \.quarantine.maximumBytes, SizeFormat((64 << 10)...(64 << 30)),
      "Size of the file of what was authentic and rejected; the oldest entries leave first."),
  ]

  private static let running: [Setting] = [
    Setting(
      "flush.interval", \.flush.interval, DurationFormat(.milliseconds(100)...days(1)),
      "Time between two flushes of rollups to Postgres."),
    Setting(
      "flush.maximumRows", \.flush.maximumRows, NumberFormat(1_000...100_000_000, of: "rows"),
      "Rollup rows that may wait for Postgres; at the limit batches are told to retry later."),
    Setting(
      "postgres.url", \.postgres.url,
      OptionalFormat(absence: "private", wrapped: DatabaseFormat()),
      "The database; private starts a cluster of the service's own below the data directory."),
    Setting(
      "jobs.finalize", \.jobs.finalize, OptionalFormat(absence: "none", wrapped: CronFormat()),
      "When the last period that is over is finalized for all tenants."),
    Setting(
      "jobs.finalizeAfter", \.jobs.finalizeAfter, TenantJobsFormat.after,
      "How long after each time of jobs.finalize, so that late usage still comes in time."),
    Setting(
      "jobs.verify", \.jobs.verify, OptionalFormat(absence: "none", wrapped: CronFormat()),
      "When Postgres is compared with the log."),
    Setting(
      "jobs.export", \.jobs.export, OptionalFormat(absence: "none", wrapped: CronFormat()),
      "When the last period that is over is exported; it must be finalized by then."),
    Setting(
      "jobs.exportDirectory", \.jobs.exportDirectory,
      OptionalFormat(absence: "default", wrapped: PathFormat()),
      "Where export jobs put their files; default is exports in the data directory."),
    Setting(
      "jobs.exportFormat", \.jobs.exportFormat, ChoiceFormat<ExportFormat>(),
      "How export jobs write rows unless they are told."),
    Setting(
      "jobs.exportCompression", \.jobs.exportCompression, ChoiceFormat<ExportCompression>(),
      "How export jobs compress their files unless they are told."),
    Setting(
      "jobs.attempts", \.jobs.attempts, NumberFormat(1...100, of: "attempts"),
      "Attempts after which a job is given up until an operator lets it be tried again."),
    Setting(
      "jobs.tenants", \.jobs.tenants, TenantJobsFormat(),
      "Tenants that are finalized at times of their own, and not with all others."),
    Setting(
      "clock.maximumAdvance", \.clock.maximumAdvance, DurationFormat(.seconds(60)...days(3_650)),
      "How far ahead of the log a start may find the clock before an operator must confirm it."),
    Setting(
      "shutdown.limit", \.shutdown.limit, DurationFormat(.seconds(1)...days(1)),
      "How long an orderly stop may take."),
    Setting(
      "logging.level", \.logging.level, ChoiceFormat<LogLevel>(),
      "The least severe lines that are written to standard error."),
    Setting(
      "logging.format", \.logging.format, ChoiceFormat<LogFormat>(),
      "Lines for people (text) or for machines (json)."),
  ]

  private static func days(_ count: Int64) -> Duration { .seconds(count * 86_400) }
}
