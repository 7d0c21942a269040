internal import ArgumentParser
internal import CanonicalLoad
internal import Foundation
internal import SealedKeys
internal import Stages

/// `stagecheck`: runs every stage, prints what a unit costs, and checks the allocations.
@main
struct StageCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stagecheck",
    abstract: "Measure what each step of a record's way costs alone.",
    discussion: """
      Times are those of the running thread, so that other work on the machine counts little; \
      only a stage that waits for others is measured by the clock. Exit code 1 if a stage \
      allocates more than it may.
      """)

  @Flag(help: "Everything small: times say little, allocations are still counted.")
  var smoke = false

  @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file"))
  var json: String?

  @Option(
    help: ArgumentHelp(
      "Where stages that need files make their folders; default: the temporary directory.",
      valueName: "folder"))
  var directory: String?

  @Option(
    help: ArgumentHelp(
      "Keys that the stages of sealed keys seal; 20 million need 1 GB of disk for a moment.",
      valueName: "count"))
  var sealedKeys: Int?

  @Argument(
    help: ArgumentHelp("Only the stages whose names contain one of these.", valueName: "words"))
  var words: [String] = []

  func validate() throws {
    if let sealedKeys, sealedKeys < 1 {
      throw ValidationError("--sealed-keys is at least 1, not \(sealedKeys)")
    }
  }

  func run() throws {
    let stages = Stage.all.filter { stage in
      words.isEmpty || words.contains(where: stage.name.contains)
    }
    guard !stages.isEmpty else {
      throw ValidationError(
        "no stage is called so; there are: "
          + Stage.all.map(\.name).joined(separator: "; "))
    }
    var plan = Stage.Plan(smoke ? .smoke : .full)
    if let directory { plan.folder = directory }
    plan.sealedKeys = sealedKeys
    var figures = StageFigures(machine: Machine(dataDirectory: plan.folder), isSmoke: smoke)
    for stage in stages {
      let result = try StageResult(stage, plan: plan)
      print(result.text)
      fflush(nil)
      figures.stages.append(result.figure)
    }
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(figures).write(to: URL(fileURLWithPath: json))
    }
    guard figures.stages.allSatisfy({ !$0.allocatesTooMuch }) else {
      print("some stages allocate more than they may")
      throw ExitCode.failure
    }
  }
}

/// What the JSON file holds.
struct StageFigures: Codable {
  var machine: Machine
  var isSmoke: Bool
  var stages: [StageFigure] = []
}

/// What a stage costs, as JSON.
struct StageFigure: Codable {
  var name: String
  var unit: String
  var nanosecondsPerUnit: Double
  var secondsPerWireGigabyte: Double?
  var allocationsPerThousand: Double?
  var allowedAllocationsPerThousand: Double?
  var longestStopMilliseconds: Double?
  var measures: [Measure]?
  var allocatesTooMuch: Bool
}
