import CanonicalLoad
import EventLoop
import Metering
import Server
import Wire

/// Makes last month a finalized period of every tenant, so that usage of it is late.
struct Preload {
  var plan: LoadPlan
  let period: BillingPeriod

  /// The last period that is over.
  static var lastPeriod: BillingPeriod {
    let now = Timestamp(milliseconds: EventLoop.wallMilliseconds())
    return BillingPeriod(month: BillingPeriod(containing: Hour(containing: now)).month - 1)
  }

  /// A time in the last hour of a period.
  static func time(in period: BillingPeriod) -> Int64 { period.end.milliseconds - 3_000_000 }

  /// Sends a record of every tenant and finalizes the period.
  ///
  /// - Returns: what was sent.
  func run(_ load: FramePool.Plan, directory: String) throws -> FramePool {
    var poolPlan = load
    poolPlan.frames = 1
    poolPlan.eachTenant = true
    poolPlan.shares = MixShares()
    // Numbered apart from the load that follows.
    poolPlan.epoch -= 1
    let recordsPerFrame = FramePool(poolPlan).records
    poolPlan.frames = CanonicalMix.tenantCount / Int(recordsPerFrame) * 2 + 1
    let pool = FramePool(poolPlan)
    var plan = plan
    plan.baseTime = Self.time(in: period)
    plan.rate = nil
    plan.seconds = .infinity
    plan.records = pool.records
    let result = try LoadThread.run(plan, pool: pool)
    let faults = ResultCheck.answers(result, expected: Expectation([pool]))
    guard faults.isEmpty else { throw CommandFailure("preload: \(faults)") }
    let layout = try DataDirectoryLayout(existing: directory)
    _ = try ControlClient.send(ControlRequest(.flush), to: layout, timeout: 300)
    let answer = try ControlClient.send(
      ControlRequest(.finalize, period: period.text, operatorName: "loadgen"), to: layout,
      timeout: 300)
    let results = answer.finalized ?? []
    let refused = results.compactMap(\.refusal)
    guard results.count == CanonicalMix.tenantCount, refused.isEmpty else {
      throw CommandFailure(
        "\(period.text) was finalized for \(results.count - refused.count) of "
          + "\(CanonicalMix.tenantCount) tenants: \(answer.error ?? refused.first ?? "")")
    }
    return pool
  }
}
