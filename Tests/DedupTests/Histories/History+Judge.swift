import SeededRandom

@testable import Dedup

extension History {
  /// Keys of every kind: new, repeated after any time, neighbours of others, lost with the log.
  func batch() -> [PresentedKey] {
    (0..<draw(Int(shape.batch) + 1)).map { _ in
      PresentedKey(
        hash: hash(), payload: chance(120) ? 2 : 1,
        request: chance(150) ? .probe : chance(50) ? .skip : .admit)
    }
  }

  private func hash() -> KeyHash {
    switch draw(20) {
    case 0...7: return keys.next()
    case 8: return lost.isEmpty ? keys.next() : lost[draw(lost.count)]
    case 9...11: return record(ofLast: 3)?.hash ?? keys.next()
    case 12...14: return record(ofLast: 40)?.hash ?? keys.next()
    case 15, 16:
      guard let record = record(ofLast: 400) else { return keys.next() }
      // From 0: some of the bits do not decide.
      return HistoryKeys.neighbour(of: record.hash, bit: chance(400) ? 16 : draw(128))
    default: return record(ofLast: 400)?.hash ?? keys.next()
    }
  }

  /// Some record of one of the last blocks.
  private func record(ofLast count: Int) -> HistoryLog.Record? {
    guard !log.blocks.isEmpty else { return nil }
    let block = log.blocks[log.blocks.count - 1 - draw(min(count, log.blocks.count))]
    return block.records.isEmpty ? nil : block.records[draw(block.records.count)]
  }

  /// Judges a batch as a ledger does, and checks every answer.
  func judge(_ batch: [PresentedKey]) {
    let answers: [DedupAnswer]
    do {
      answers = try self.answers(batch, at: now, front: log.front)
    } catch {
      return stop(error)
    }
    var accepted: [HistoryLog.Record] = []
    for (key, answer) in zip(batch, answers) {
      counts.answers[answer, default: 0] += 1
      if let text = mistake(answer, for: key) { fault("\(answer) for \(key): \(text)") }
      guard answer == .new else { continue }
      let record = HistoryLog.Record(hash: key.hash, payload: key.payload, arrival: now)
      known[KeyIdentity(key.hash)] = record
      accepted.append(record)
    }
    log.append(accepted, at: now, horizon: horizon)
    if chance(350) { sealBlock() }
    if chance(250) { log.sync(1 + draw(4)) }
  }

  /// The index's answers.
  func answers(
    _ batch: [PresentedKey], at arrival: Int64, front: LogFront
  ) throws(RunError) -> [DedupAnswer] {
    let (hashes, payloads) = (batch.map(\.hash), batch.map(\.payload))
    let requests = batch.map(\.request.rawValue)
    var raw = [UInt8](repeating: 0xff, count: batch.count)
    var answers = raw.mutableSpan
    try index.judge(
      hashes: hashes.span, payloads: payloads.span, requests: requests.span, arrival: arrival,
      front: front, answers: &answers)
    let all = raw.compactMap(DedupAnswer.init(rawValue:))
    if all.count != batch.count { fault("\(batch.count - all.count) keys without an answer") }
    return all
  }

  /// What is wrong with an answer, or nil.
  private func mistake(_ answer: DedupAnswer, for key: PresentedKey) -> String? {
    if key.request == .skip { return answer == .skipped ? nil : "not asked" }
    let absent: DedupAnswer = key.request == .admit ? .new : .absent
    guard let record = known[KeyIdentity(key.hash)] else {
      return answer == absent ? nil : "it was never accepted, or lost with the log"
    }
    let age = now - record.arrival
    if answer == absent {
      if age > limits.window || record.arrival <= horizon { return nil }
      return "it came \(age) before; nothing is lost after \(horizon)"
    }
    let expected: DedupAnswer = record.payload == key.payload ? .duplicate : .conflict
    guard answer == expected else { return "its payload was \(record.payload)" }
    let longest = limits.window + longestSpan + longestBlock
    return age <= longest ? nil : "it came \(age) before, and should have left"
  }
}
