public import Metering

/// What one tenant has of its own among the schedules.
public struct TenantJobs: Sendable, Equatable {
  /// The tenant's name.
  public var tenant: String
  /// When its periods are finalized; nil for never by itself.
  public var finalize: CronSchedule?
  /// How long after a slot of it; nil: as long as for all tenants.
  public var finalizeAfter: Duration?
}
