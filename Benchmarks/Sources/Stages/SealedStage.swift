internal import SealedKeys

/// Fresh keys, given in turn to an index with sealed keys and to one without.
final class FreshKeysStage: StageBody {
  private let cost: FreshCost
  private let fill: SealedFill
  private let groups: Int

  init(_ plan: Stage.Plan) throws {
    fill = try SealedFill(count: plan.sealedKeyCount, below: plan.folder)
    cost = try FreshCost(fill, isSmall: plan.size == .smoke)
    groups = plan.size == .full ? 512 : 4
  }

  var measures: [Measure] { fill.measures + cost.measures }

  func batch() throws -> Int { try cost.run(groups: groups) }
}

/// Keys that came long ago, all pages in the page cache.
final class OldDuplicatesStage: StageBody {
  private let duplicates: OldDuplicates
  private let fill: SealedFill

  init(_ plan: Stage.Plan) throws {
    fill = try SealedFill(count: plan.sealedKeyCount, below: plan.folder)
    duplicates = OldDuplicates(fill)
  }

  var measures: [Measure] { duplicates.measures }

  func batch() throws -> Int { try duplicates.runWarm() }
}

/// Keys that came long ago, no page in the page cache.
final class ColdDuplicatesStage: StageBody {
  private let duplicates: OldDuplicates
  private let fill: SealedFill

  init(_ plan: Stage.Plan) throws {
    fill = try SealedFill(count: plan.sealedKeyCount, below: plan.folder)
    duplicates = OldDuplicates(fill)
  }

  var measures: [Measure] { duplicates.measures }

  func batch() throws -> Int { try duplicates.runCold() }
}

/// The seal of a large generation, half of all keys, while keys come and a log is synced beside it.
/// Preparing it is what is measured; its batches are more keys at the same pace.
final class SealStage: StageBody {
  private let pause: SealPause

  init(_ plan: Stage.Plan) throws {
    pause = try SealPause(keys: plan.sealedKeyCount / 2, below: plan.folder)
  }

  var measures: [Measure] { pause.measures }

  func batch() throws -> Int { try pause.judgeWhenDue() }
}
