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
    case .correct: correct(exchange)
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
    let isDryRun = request.isDryRun == true
    if let reason = request.acceptsGaps, reason.isEmpty || reason.utf8.count > 1_000 {
      exchange.answer(
        ControlResponse(error: "the reason for accepting gaps has 1 to 1,000 bytes of text"))
      return
    }
    whenFlushed { [unowned self] in
      // It cannot be undone: nobody finds it done later who had given it up.
      guard exchange.isAwaited else {
        logger.notice(
          "finalize given up: the command has ended before the flush; nothing is finalized",
          metadata: ["period": "\(period.text)", "operator": "\(operatorName)"])
        return
      }
      let order = FinalizeOrder(
        period: period, operatorName: operatorName, acceptsGaps: request.acceptsGaps,
        closed: ClosedHours(through: nil, flushedThrough: nil))
      finalize(order, of: request.tenant, isDryRun: isDryRun) { [unowned self] results in
        if isDryRun { return exchange.answer(ControlResponse(finalized: results)) }
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

  /// Finalizes a period of one tenant, or of all that have it open, if every partition has closed
  /// and flushed its hours.
  ///
  /// - Parameter except: tenants that are left out if all are meant.
  func finalize(
    _ order: FinalizeOrder, of tenant: String?, except: Set<String> = [], isDryRun: Bool = false,
    then action: @escaping ([FinalizeResult]) -> Void
  ) {
    askPartitions({ partition, answer in answer(partition.ledger.closedHours) }) {
      [unowned self] closed in
      var order = order
      order.closed = closed.dropFirst().reduce(closed[0]) { $0.joined($1) }
      let owner = tenant.map { tenants.partition(ofTenant: $0) }
      askPartitions({ partition, answer in
        let isAsked = owner == nil || owner == Int(partition.number)
        answer(
          isAsked
            ? partition.finalize(order, of: tenant, except: except, isDryRun: isDryRun) : [])
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
