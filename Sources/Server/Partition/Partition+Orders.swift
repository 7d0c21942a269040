internal import EventLoop
internal import Logging
internal import Metering
internal import Wire

extension Partition {
  /// Why a period cannot be finalized, whoever the tenant is; nil if nothing speaks against it.
  func refusal(toClose period: BillingPeriod) -> FinalizeRefusal? {
    do throws(FinalizeRefusal) {
      try ledger.checkClosed(period)
      return nil
    } catch {
      return error
    }
  }

  /// Finalizes a period of those tenants of this partition that it is asked for.
  ///
  /// - Parameters:
  ///   - tenant: one tenant; nil for all that have the period open.
  ///   - refusal: why nothing may be finalized; nil if it may.
  func finalize(
    _ period: BillingPeriod, of tenant: String?, _ operatorName: String, refusal: FinalizeRefusal?
  ) -> [FinalizeResult] {
    let tenants = tenant.map { [$0] } ?? ledger.tenantsOpen(in: period)
    return tenants.map { tenant in
      do throws(FinalizeRefusal) {
        if let refusal { throw refusal }
        try ledger.finalize(period, tenant: tenant, operatorName: operatorName)
        return FinalizeResult(tenant: tenant)
      } catch {
        return FinalizeResult(tenant: tenant, refusal: error.description)
      }
    }
  }

  /// Shows both times, and confirms the wall clock if that is asked for and it is held.
  func clock(confirms: Bool, operatorName: String) -> ClockReport {
    let wall = Timestamp(milliseconds: EventLoop.wallMilliseconds())
    let before = ledger.time
    let wasHeld = ledger.clockHold != nil
    let isConfirmed = confirms && wasHeld
    if isConfirmed {
      ledger.confirmClock(
        wall: wall, monotonic: EventLoop.monotonicMilliseconds(), operatorName: operatorName)
      logger.notice(
        "clock confirmed",
        metadata: ["operator": "\(operatorName)", "log": "\(before.text)", "wall": "\(wall.text)"])
    }
    return ClockReport(
      log: before.text, wall: wall.text, isHeld: wasHeld, isConfirmed: isConfirmed)
  }
}
