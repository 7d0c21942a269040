internal import EventLoop
internal import Logging
internal import Metering
internal import Wire

extension Service {
  /// Answers a control request.
  func handle(_ exchange: ControlExchange) {
    switch exchange.request.command {
    case .status: whenReported { exchange.answer(ControlResponse(status: $0)) }
    case .flush: whenFlushed { exchange.answer(ControlResponse()) }
    case .finalize: finalize(exchange)
    case .clock: clock(exchange)
    }
  }

  private func finalize(_ exchange: ControlExchange) {
    let request = exchange.request
    guard let text = request.period, let period = try? BillingPeriod(parsing: text) else {
      exchange.answer(
        ControlResponse(
          error: "the period is \(request.period ?? "missing"); "
            + "a month such as 2026-01 is allowed"))
      return
    }
    let operatorName = request.operatorName ?? "unknown"
    whenFlushed { [unowned self] in
      // It cannot be undone: nobody finds it done later who had given it up.
      guard exchange.isAwaited else {
        logger.notice(
          "finalize given up: the command has ended before the flush; nothing is finalized",
          metadata: ["period": "\(period.text)", "operator": "\(operatorName)"])
        return
      }
      finalize(period, of: request.tenant, operatorName) { [unowned self] results in
        logger.notice(
          "finalize",
          metadata: [
            "period": "\(period.text)", "operator": "\(operatorName)",
            "finalized": "\(results.count { $0.refusal == nil })",
            "refused": "\(results.count { $0.refusal != nil })",
          ])
        whenFlushed { exchange.answer(ControlResponse(finalized: results)) }
      }
    }
  }

  /// Finalizes a period of one tenant, or of all that have it open, once every partition has closed
  /// and flushed its hours: nothing is appended if one of them has not.
  private func finalize(
    _ period: BillingPeriod, of tenant: String?, _ operatorName: String,
    then action: @escaping ([FinalizeResult]) -> Void
  ) {
    askPartitions({ partition, answer in answer(partition.refusal(toClose: period)) }) {
      [unowned self] refusals in
      let refusal = refusals.lazy.compactMap(\.self).first
      let owner = tenant.map { tenants.partition(ofTenant: $0) }
      askPartitions({ partition, answer in
        let isAsked = owner == nil || owner == Int(partition.number)
        answer(
          isAsked
            ? partition.finalize(period, of: tenant, operatorName, refusal: refusal) : [])
      }) { results in
        action(
          results.joined().sorted { $0.tenant.utf8.lexicographicallyPrecedes($1.tenant.utf8) })
      }
    }
  }

  private func clock(_ exchange: ControlExchange) {
    let confirms = exchange.request.confirm == true
    let name = exchange.request.operatorName ?? "unknown"
    askPartitions({ partition, answer in
      answer(partition.clock(confirms: confirms, operatorName: name))
    }) { reports in
      // Whoever confirms sees the time of a log that is held.
      guard var report = reports.first(where: \.isHeld) ?? reports.first else { return }
      report.isConfirmed = reports.contains(where: \.isConfirmed)
      exchange.answer(ControlResponse(clock: report))
    }
  }
}
