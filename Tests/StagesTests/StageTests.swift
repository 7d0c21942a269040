import Stages
import Testing

/// The micro-benchmarks, each run once with as little as shows that it runs.
@Suite struct StageTests {
  @Test(arguments: Stage.all.map(\.name))
  func aStageRuns(name: String) throws {
    let stage = try #require(Stage.all.first { $0.name == name })
    let run = try stage.prepare(.smoke)
    try run.run(2)
    #expect(run.units >= 2)
  }
}
