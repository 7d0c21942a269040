import Stages
import Testing

/// The micro-benchmarks, each run once with as little as shows that it runs.
@Suite struct StageTests {
  @Test(arguments: Stage.all.map(\.name))
  func aStageRuns(name: String) throws {
    let stage = try #require(Stage.all.first { $0.name == name })
    let run = try stage.prepare(Stage.Plan(.smoke))
    try run.run(2)
    #expect(run.units >= 2)
  }

  @Test func theLongestStopIsTold() throws {
    let stages = Stage.all.filter { $0.name.contains("come and go") }
    let stage = try #require(stages.first)
    let run = try stage.prepare(Stage.Plan(.smoke))
    let before = try #require(run.longestStop)
    #expect(before.elapsed > 0 && before.own > 0)
    try run.run(100_000)
    let after = try #require(run.longestStop)
    #expect(after.elapsed >= before.elapsed && after.own >= before.own)
  }
}
