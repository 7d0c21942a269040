internal import Dedup
internal import Foundation

extension DifferentialRun {
  // MARK: Fill

  /// Feeds all keys, with probes in between and two restarts.
  func fill() throws {
    let batches = max(1, count / KeyBatch.capacity)
    let batchesPerProbe = max(4, batches / 1_000)
    var restartsAt = [count / 8, count / 2].map(UInt64.init)
    var stretch = StretchTimes(index, at: 0)
    var power = 1_000_000
    var fed = 0
    while next < UInt64(count) {
      try feed(until: UInt64(count))
      fed += 1
      if fed.isMultiple(of: batchesPerProbe) { try probe() }
      if Int(next) >= power || next == UInt64(count) {
        report.stretches.append(stretch.end(index, at: Int(next)))
        power *= 10
      }
      if let place = restartsAt.first, next >= place {
        restartsAt.removeFirst()
        stretch.pause(index)
        _ = try restart()
        stretch.resume(index)
        for _ in 0..<3 { try probe() }
      }
      try progress("fill", Int(next), of: count)
    }
  }

  /// Feeds the next batch.
  private func feed(until end: UInt64) throws {
    let first = next
    next = min(first + UInt64(KeyBatch.capacity), end)
    now = max(now, first < UInt64(count) ? arrival(next - 1) : now)
    keys.draw(first..<next, .admit, into: &batch)
    try index.judge(&batch, arrival: now)
    expect(.new, "fresh key", kind: .falseDrop)
    try index.maintain()
    try index.keepUp()
  }

  /// Asks for old keys, old keys with another payload, neighbours and keys that never came, mixed.
  private func probe() throws {
    var expected: [DedupAnswer] = []
    batch.removeAll()
    for _ in 0..<512 {
      let number = random.next(below: next)
      let payload = keys.payload(number)
      batch.append(keys.hash(number), payload: payload, request: .admit)
      batch.append(keys.stranger(number), payload: payload, request: .probe)
      batch.append(keys.absent(random.next(below: next)), payload: payload, request: .probe)
      let other = random.next(below: next)
      batch.append(keys.hash(other), payload: keys.payload(other) ^ 0x101, request: .admit)
      expected += [.duplicate, .absent, .absent, .conflict]
    }
    try index.judge(&batch, arrival: now)
    for (place, answer) in expected.enumerated() {
      check(place, answer, "probe", answer == .absent ? .falseDrop : .falseAccept)
    }
    for question in ["old key", "old key, other payload", "neighbour", "key that never came"] {
      report.asked[question, default: 0] += 512
    }
    try index.maintain()
  }

  // MARK: All sealed

  /// Lets the last generation close by its age, seals it, and starts from the files alone.
  func sealAll() throws {
    index.endBlock()
    now += limits.generationAge + 1
    index.advance(to: now)
    try index.settle()
    let start = try restart()
    if start.index.keyCount < count {
      report.wrong.note(.lost, "\(start.index.keyCount) keys are sealed, not \(count)")
    }
    report.runs = start.runs
    report.measures += try index.startMeasures(start)
  }

  /// What old and fresh keys cost with all of them sealed.
  func measure() throws {
    let fresh = try FreshCost(
      index, keys: keys, now: now, capacity: count / 200, bareFolder: folder("bare"))
    // As many as leave the active tables half empty.
    _ = try fresh.run(groups: max(16, count / 500 / KeyBatch.capacity))
    report.measures += fresh.measures
    index.seals = true
    next = index.position
    try index.settle()
    let duplicates = OldDuplicates(index, keys: keys, below: UInt64(count), now: now)
    duplicates.isTimedByClock = true
    // The start has read every page; the page cache has what it has room for.
    for _ in 0..<64 { _ = try duplicates.runWarm() }
    for _ in 0..<20 { _ = try duplicates.runCold() }
    report.measures += duplicates.figures
    report.asked["old key, at random", default: 0] += 20 * 1_024 + 64 * KeyBatch.capacity
    for _ in 0..<duplicates.missed { report.wrong.note(.falseAccept, "an old key, at random") }
  }

  /// Asks for every key, and for as many that never came.
  ///
  /// Keys of neighbouring pages are asked for together: in the order of their numbers each would
  /// read pages from the disk where the page cache does not hold all runs.
  func askAll() throws {
    var (known, absent) = (CallTimes(), CallTimes())
    var asked = 0
    let passes = count / 64_000_000 + 1
    for pass in 0..<passes {
      for numbers in KeyBuckets(keys, below: count, share: pass, of: passes).buckets {
        var first = 0
        while first < numbers.count {
          let part = numbers[first..<min(first + KeyBatch.capacity, numbers.count)]
          first = part.endIndex
          asked += part.count
          keys.draw(part.lazy.map(UInt64.init), .admit, into: &batch)
          known.note(try timedJudge())
          expect(.duplicate, "every key", kind: .falseAccept)
          batch.removeAll()
          for number in part {
            batch.append(keys.absent(UInt64(number)), payload: 0, request: .probe)
          }
          absent.note(try timedJudge())
          expect(.absent, "as many that never came", kind: .falseDrop)
          try progress("full pass", asked, of: count)
        }
      }
    }
    report.measures += [
      Measure(
        "old duplicates, neighbours together", Double(count) * 1e9 / Double(known.total), "keys/s"),
      Measure("key that never came", Double(absent.total) / Double(count), "ns"),
    ]
  }

  private func timedJudge() throws -> Int64 {
    let started = Clock.now
    try index.judge(&batch, arrival: now)
    return Clock.now - started
  }

  // MARK: Expiry

  /// Lets all keys leave while a few come: what is inside the window stays, what is long outside
  /// has gone, and so have the files.
  func expire() throws {
    let batches = max(256, count / 50 / KeyBatch.capacity)
    let duration = limits.longestStay + 2 * limits.generationAge
    let begin = now
    for step in 1...batches {
      now = begin + Int64(Double(duration) * Double(step) / Double(batches))
      try feed(until: .max)
      if step.isMultiple(of: 8) { try probeAges() }
      try progress("expiry", step * KeyBatch.capacity, of: batches * KeyBatch.capacity)
    }
    try index.settle()
    let names = try FileManager.default.contentsOfDirectory(atPath: index.folder)
    if names.count != index.statistics.runs {
      report.wrong.note(.fileLeft, "\(names.count) files, \(index.statistics.runs) runs")
    }
    let held = try removedFilesHeld()
    if held > 0 {
      report.wrong.note(.fileLeft, "\(held) removed files are still held and take disk")
    }
    if index.keyCount > batches * KeyBatch.capacity {
      report.wrong.note(.notGone, "\(index.keyCount) keys are left")
    }
    report.merges += index.merges
  }

  /// Files of the index's folder that have no name any more and are still mapped.
  private func removedFilesHeld() throws -> Int {
    let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
    return maps.split(separator: "\n").count {
      $0.contains(index.folder) && $0.hasSuffix("(deleted)")
    }
  }

  /// Asks for keys that the window holds, and for keys that must have left.
  private func probeAges() throws {
    var expected: [DedupAnswer] = []
    batch.removeAll()
    for _ in 0..<1_024 {
      let number = random.next(below: UInt64(count))
      let age = now - arrival(number)
      if age <= limits.window {
        expected.append(.duplicate)
      } else if age > limits.longestStay + limits.generationAge {
        expected.append(.absent)
      } else {
        continue
      }
      batch.append(keys.hash(number), payload: keys.payload(number), request: .probe)
    }
    try index.judge(&batch, arrival: now)
    for (place, answer) in expected.enumerated() {
      let isGone = answer == .absent
      check(place, answer, "age", isGone ? .notGone : .falseAccept)
      report.asked[isGone ? "key after its window" : "key at the end of its window", default: 0] +=
        1
    }
  }
}

/// The times of an index over a stretch of keys.
private struct StretchTimes {
  private var keys: Int
  private var started = Clock.now
  private var base: (judging: Int64, maintaining: Int64, waiting: Int64)
  private var sum: (judging: Int64, maintaining: Int64, waiting: Int64) = (0, 0, 0)
  private var longest: Int64 = 0

  init(_ index: ServedIndex, at keys: Int) {
    self.keys = keys
    base = Self.totals(index)
  }

  private static func totals(_ index: ServedIndex) -> (Int64, Int64, Int64) {
    (index.judging.total, index.maintaining.total, index.waiting.total)
  }

  mutating func pause(_ index: ServedIndex) {
    let totals = Self.totals(index)
    sum.judging += totals.0 - base.judging
    sum.maintaining += totals.1 - base.maintaining
    sum.waiting += totals.2 - base.waiting
    longest = max(longest, index.judging.longest, index.maintaining.longest)
    index.judging = CallTimes()
    index.maintaining = CallTimes()
    resume(index)
  }

  mutating func resume(_ index: ServedIndex) { base = Self.totals(index) }

  mutating func end(_ index: ServedIndex, at end: Int) -> DifferentialReport.Stretch {
    pause(index)
    let count = Double(max(1, end - keys))
    defer {
      keys = end
      started = Clock.now
      sum = (0, 0, 0)
      longest = 0
    }
    return DifferentialReport.Stretch(
      keys: end, judging: Double(sum.judging) / count,
      maintaining: Double(sum.maintaining) / count, waiting: Double(sum.waiting) / count,
      elapsed: Double(Clock.now - started) / count, longestCall: Double(longest) / 1e6)
  }
}
