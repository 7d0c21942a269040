public import Dedup
public import Metering

extension ServerConfiguration {
  /// What the ledger of one partition needs of the configuration, with the canonical text that it
  /// logs.
  ///
  /// Keys and what they take, rows that wait for Postgres and details of receipts are shared by the
  /// partitions. Names and sources are not: a share of their limits would turn usage away that one
  /// partition alone would take.
  public var ledger: LedgerConfiguration {
    var ledger = LedgerConfiguration(weights: weights, canonicalText: canonicalText)
    ledger.acceptanceBack = acceptance.back.milliseconds
    ledger.acceptanceAhead = acceptance.ahead.milliseconds
    ledger.dedup = dedupLimits
    ledger.closeGrace = hours.closeGrace.milliseconds
    ledger.maximumTenants = limits.tenants
    ledger.maximumOperations = limits.operations
    ledger.contextsPerTenant = limits.contextsPerTenant
    ledger.maximumContexts = limits.contexts
    ledger.maximumSources = limits.sources
    ledger.gapsPerSource = limits.gapsPerSource
    ledger.receiptDetails = share(of: limits.receiptDetails)
    ledger.maximumCorrections = limits.corrections
    ledger.calendars = calendars
    ledger.maximumUnflushedRows = share(of: flush.maximumRows)
    ledger.segmentSize = log.segmentSize
    ledger.segmentAge = log.segmentAge.milliseconds
    ledger.clockMaximumAdvance = clock.maximumAdvance.milliseconds
    return ledger
  }

  /// What one partition may have in its key index.
  public var dedupLimits: DedupLimits {
    DedupLimits(
      window: dedup.window.milliseconds, maximumKeys: share(of: dedup.maximumKeys),
      maximumMemory: share(of: dedup.maximumMemory), maximumDisk: share(of: dedup.maximumDisk))
  }

  /// What one partition has of a limit of the installation.
  private func share(of limit: Int) -> Int {
    (limit + ingest.partitions - 1) / ingest.partitions
  }
}
