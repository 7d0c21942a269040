import Benchmark
import Stages

/// Every stage under ordo-one/benchmark, which gives distributions, baselines and comparisons; what
/// it says of mallocs is 0 without its interposer: `stagecheck` counts allocations.
let benchmarks: @Sendable () -> Void = {
  for stage in Stage.all {
    // A sample is of a million units and is shown as one, or it is a whole piece of work.
    Benchmark(
      stage.isWhole ? stage.name : "\(stage.name), per \(stage.unit)",
      configuration: Benchmark.Configuration(
        metrics: [.wallClock, .cpuTotal, .throughput],
        scalingFactor: stage.isWhole ? .one : .mega, maxDuration: .seconds(3), maxIterations: 100)
    ) { benchmark, run in
      if stage.isWhole {
        try run.runBatch()
      } else {
        try run.run(benchmark.scaledIterations.count)
      }
    } setup: {
      try stage.prepare(Stage.Plan(.full))
    }
  }
}
