internal import EventLoop
internal import Logging
internal import Metering
internal import Wire

extension Partition {
  /// Finalizes a period of those tenants of this partition that it is asked for.
  ///
  /// - Parameters:
  ///   - tenant: one tenant; nil for all that have the period open.
  ///   - except: tenants that are left out then.
  ///   - isDryRun: whether nothing is changed.
  func finalize(
    _ order: FinalizeOrder, of tenant: String?, except: Set<String> = [], isDryRun: Bool
  ) -> [FinalizeResult] {
    let tenants =
      tenant.map { [$0] } ?? ledger.tenantsOpen(in: order.period).filter { !except.contains($0) }
    if isDryRun {
      return tenants.map { tenant in
        do throws(FinalizeRefusal) {
          return FinalizeResult(tenant: tenant, try ledger.plan(order, tenant: tenant))
        } catch {
          return FinalizeResult(tenant: tenant, refusal: error)
        }
      }
    }
    return zip(tenants, ledger.finalize(order, tenants: tenants)).map { tenant, result in
      switch result {
      case .success(let done): FinalizeResult(done)
      case .failure(let refusal): FinalizeResult(tenant: tenant, refusal: refusal)
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
