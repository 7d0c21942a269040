internal import Foundation
internal import Logging
internal import Metering
internal import SegmentLog
internal import Wire

extension Service {
  /// Voids, amends or replays, and answers once that is on stable storage.
  func correct(_ exchange: ControlExchange) {
    guard let request = exchange.request.correction else {
      return exchange.answer(ControlResponse(error: "the request says nothing to correct"))
    }
    guard (1...1_000).contains(request.reason.utf8.count) else {
      return exchange.answer(
        ControlResponse(error: "the reason has 1 to 1,000 bytes of text"))
    }
    do throws(CommandFailure) {
      if let numbers = request.quarantined {
        try replay(numbers, exchange)
      } else {
        try correct(request, exchange)
      }
    } catch {
      exchange.answer(ControlResponse(refusing: error))
    }
  }

  // MARK: Records of the log

  private func correct(
    _ request: CorrectionRequest, _ exchange: ControlExchange
  ) throws(CommandFailure) {
    guard let tenant = request.tenant, let key = request.key,
      let hour = try? Hour(parsing: request.hour ?? "")
    else {
      throw CommandFailure(
        "a record is named by its tenant, its key and the start of its hour, such as "
          + "2026-01-05T14:00:00Z")
    }
    let amendment = try request.amendment?.amendment()
    let partition = partitions[tenants.partition(ofTenant: tenant)]
    let operatorName = exchange.request.operatorName ?? "unknown"
    partition.home.perform(from: home) { [unowned self] in
      partition.find(RecordKey.meant(by: key), of: tenant, in: hour) { [unowned self] result in
        home.perform(from: partition.home) { [unowned self] in
          // Looking takes its time, and nobody finds it done later who had given it up.
          guard exchange.isAwaited else {
            logger.notice(
              "correction given up: the command has ended before it was made; nothing is changed",
              metadata: ["tenant": "\(tenant)", "key": "\(key)", "operator": "\(operatorName)"])
            return
          }
          partition.home.perform(from: home) { [home] in
            let answer = Self.decide(result, amendment, request, exchange.request, partition)
            partition.whenSynced {
              home.perform(from: partition.home) { exchange.answer(answer) }
            }
          }
        }
      }
    }
  }

  /// Voids or amends the record that was found. It runs where the partition lives.
  private static func decide(
    _ found: Result<[FoundRecord], any Error>, _ amendment: Amendment?,
    _ request: CorrectionRequest, _ order: ControlRequest, _ partition: Partition
  ) -> ControlResponse {
    do {
      let record = try one(of: try found.get(), request, partition)
      let report = partition.correct(
        record, amendment, isDryRun: order.isDryRun == true,
        operatorName: order.operatorName ?? "unknown", reason: request.reason)
      return ControlResponse(corrections: [report])
    } catch {
      return ControlResponse(refusing: error)
    }
  }

  /// The one record that a request means, of at least one.
  private static func one(
    of found: [FoundRecord], _ request: CorrectionRequest, _ partition: Partition
  ) throws(CommandFailure) -> FoundRecord {
    let named =
      "key \(request.key ?? "") of tenant \(request.tenant ?? "") in hour "
      + (request.hour ?? "")
    if let position = request.position {
      guard let record = found.first(where: { $0.position.rawValue == position }) else {
        let places = found.map { "\($0.position.rawValue)" }.joined(separator: ", ")
        throw CommandFailure("no record with \(named) is at position \(position), but at \(places)")
      }
      return record
    }
    let left = found.filter { !partition.ledger.isVoid($0.position) }
    if left.count > 1 {
      let places = left.map { "\($0.position.rawValue)" }.joined(separator: ", ")
      throw CommandFailure(
        "\(left.count) records have \(named): name one by its position, \(places)")
    }
    return left.first ?? found[found.count - 1]
  }

  // MARK: The quarantine

  private func replay(_ numbers: [UInt64], _ exchange: ControlExchange) throws(CommandFailure) {
    guard let reason = exchange.request.correction?.reason else { return }
    let entries = QuarantineFile.read(in: directory.layout.quarantine)
    var records: [(number: UInt64, record: UsageRecord)] = []
    var reports: [CorrectionReport] = []
    for number in numbers {
      do throws(CommandFailure) {
        guard let entry = entries.first(where: { $0.number == number }) else {
          throw CommandFailure("there is no entry \(number) in the quarantine")
        }
        records.append((number, try entry.record()))
      } catch {
        reports.append(CorrectionReport(quarantined: number, refusal: error.message))
      }
    }
    let isDryRun = exchange.request.isDryRun == true
    let operatorName = exchange.request.operatorName ?? "unknown"
    askPartitions({ [tenants] partition, answer in
      let own = records.filter {
        tenants.partition(ofTenant: $0.record.tenant) == Int(partition.number)
      }
      let done = own.map { number, record in
        partition.replay(
          record, number: number, isDryRun: isDryRun, operatorName: operatorName, reason: reason)
      }
      partition.whenSynced { answer(done) }
    }) { done in
      let all = (reports + done.joined()).sorted { ($0.quarantined ?? 0) < ($1.quarantined ?? 0) }
      exchange.answer(ControlResponse(corrections: all))
    }
  }
}

extension ControlResponse {
  /// Says why nothing was done, and how the command ends.
  fileprivate init(refusing error: any Error) {
    let failure = error as? CommandFailure
    self.init(error: failure?.message ?? "\(error)")
    exit = failure?.exit.rawValue
  }
}

extension QuarantineEntry {
  /// The record that was rejected.
  ///
  /// - Throws: ``CommandFailure`` if the reason did not lie with the service.
  func record() throws(CommandFailure) -> UsageRecord {
    guard isReplayable else {
      throw CommandFailure(
        "entry \(number) was rejected as \(reason), which would be the same again")
    }
    guard let tenant, let kind = kind.flatMap({ UsageKind(name: $0) }), let operation, let key,
      let recordKey = RecordKey.meant(by: key).first, let quantity,
      let time = time.flatMap({ Timestamp(rfc3339: $0) })
    else { throw CommandFailure("entry \(number) does not hold a whole record") }
    return UsageRecord(
      tenant: tenant, kind: kind, operation: operation,
      contextType: contextType.flatMap { ContextType(name: $0) } ?? .other,
      context: context ?? "", time: time, quantity: quantity, key: recordKey)
  }
}
