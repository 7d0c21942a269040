public import Metering

extension ServerConfiguration {
  /// What the ledger needs of the configuration, with the canonical text that it logs.
  public var ledger: LedgerConfiguration {
    var ledger = LedgerConfiguration(weights: weights, canonicalText: canonicalText)
    ledger.acceptanceBack = acceptance.back.milliseconds
    ledger.acceptanceAhead = acceptance.ahead.milliseconds
    ledger.dedupWindow = dedup.window.milliseconds
    ledger.maximumKeys = dedup.maximumKeys
    ledger.closeGrace = hours.closeGrace.milliseconds
    ledger.maximumTenants = limits.tenants
    ledger.maximumOperations = limits.operations
    ledger.contextsPerTenant = limits.contextsPerTenant
    ledger.maximumContexts = limits.contexts
    ledger.maximumSources = limits.sources
    ledger.gapsPerSource = limits.gapsPerSource
    ledger.receiptDetails = limits.receiptDetails
    ledger.maximumUnflushedRows = flush.maximumRows
    ledger.segmentSize = log.segmentSize
    ledger.segmentAge = log.segmentAge.milliseconds
    ledger.clockMaximumAdvance = clock.maximumAdvance.milliseconds
    return ledger
  }
}
