internal import CAllocations
internal import Foundation
internal import SealedKeys
internal import Stages

/// What a stage costs.
struct StageResult {
  private let stage: Stage
  private let nanoseconds: Double
  /// Of 1,000 units.
  private let allocations: Double
  private let wireBytes: Double?
  private let longestStop: LongestStop?
  private let measures: [Measure]

  init(_ stage: Stage, plan: Stage.Plan) throws {
    self.stage = stage
    let run = try stage.prepare(plan)
    // What grows at first has grown then.
    let warm = stage.isWhole ? 1 : 400_000
    while run.units < warm { try run.runBatch() }
    let clock = stage.waits ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID
    let limit = plan.size == .smoke ? 2e7 : 1e9
    let before = ca_allocations()
    let units = run.units
    let started = Self.nanoseconds(clock)
    // What now and then makes something ready must be one of many units where it is counted.
    let counted = stage.allocations == nil ? 0 : 10_000_000
    while run.units - units < counted || Self.nanoseconds(clock) - started < limit {
      try run.runBatch()
    }
    let elapsed = Self.nanoseconds(clock) - started
    allocations = Double(ca_allocations() - before) / Double(run.units - units) * 1_000
    nanoseconds = elapsed / Double(run.units - units)
    wireBytes = run.wireBytesPerUnit
    longestStop = run.longestStop
    measures = plan.size == .smoke ? run.measures.map(\.withoutLimit) : run.measures
  }

  private static func nanoseconds(_ clock: clockid_t) -> Double {
    var now = timespec()
    unsafe clock_gettime(clock, &now)
    return Double(now.tv_sec) * 1e9 + Double(now.tv_nsec)
  }

  /// Whether it allocates more than it may.
  private var isOver: Bool { stage.allocations.map { allocations > $0 } ?? false }

  /// As JSON has it.
  var figure: StageFigure {
    StageFigure(
      name: stage.name, unit: stage.unit, nanosecondsPerUnit: nanoseconds,
      secondsPerWireGigabyte: wireBytes.map { nanoseconds / $0 },
      allocationsPerThousand: stage.allocations.map { _ in allocations },
      allowedAllocationsPerThousand: stage.allocations,
      longestStopMilliseconds: longestStop?.elapsed, measures: measures.isEmpty ? nil : measures,
      allocatesTooMuch: isOver)
  }

  /// As one line, and one below it for each measure.
  var text: String {
    ([line] + measures.map { "    " + $0.text }).joined(separator: "\n")
  }

  private var line: String {
    let name = stage.name + String(repeating: " ", count: max(1, 44 - stage.name.count))
    var text = name + String(format: "%9.1f ns/%@", nanoseconds, stage.unit)
    text += String(format: " %9.3f M %@s/s", 1e3 / nanoseconds, stage.unit)
    if let wireBytes { text += String(format: " %6.2f s/GB", nanoseconds / wireBytes) }
    if let stop = longestStop {
      text += String(
        format: "  longest stop %.2f ms by the clock, %.2f ms of its own", stop.elapsed, stop.own)
    }
    guard let limit = stage.allocations else { return text }
    text += String(format: "  allocations for 1,000: %.2f, %g allowed", allocations, limit)
    return text + (isOver ? "  TOO MANY" : "")
  }
}
