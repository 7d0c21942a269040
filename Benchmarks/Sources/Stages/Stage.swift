internal import Foundation
public import SealedKeys
internal import Synchronization

/// A step on the way of a record, ready to be run again and again.
public struct Stage: Sendable {
  /// How much is prepared.
  public enum Size: Sendable {
    /// As little as shows that the stage runs.
    case smoke
    /// As much as it is about.
    case full
  }

  /// What the stages are given.
  public struct Plan: Sendable {
    /// How much is prepared.
    public var size: Size
    /// Where stages that need files make folders of their own, which they remove.
    public var folder = FileManager.default.temporaryDirectory.path
    /// Keys that stand in runs; nil for as many as suit the size.
    public var sealedKeys: Int?

    /// A plan with files in the temporary directory.
    public init(_ size: Size) { self.size = size }

    var sealedKeyCount: Int { sealedKeys ?? (size == .full ? 20_000_000 : 40_000) }
  }

  /// What it is called.
  public let name: String
  /// What is counted: records, keys, rows.
  public let unit: String
  /// Whether the stage waits for others, so that its time is that of the clock and not of its
  /// thread.
  public let waits: Bool
  /// Allocations of the running thread that 1,000 units may cost; nil where nobody counts them.
  public let allocations: Double?
  /// Whether a batch is one piece of work, such as a flush, and no part of it can be measured.
  public let isWhole: Bool
  private let make: @Sendable (Plan) throws -> any StageBody

  init(
    _ name: String, per unit: String, allocations: Double? = nil, waits: Bool = false,
    isWhole: Bool = false, _ make: @escaping @Sendable (Size) throws -> any StageBody
  ) {
    self.init(name, per: unit, allocations: allocations, waits: waits, isWhole: isWhole) {
      plan in try make(plan.size)
    }
  }

  init(
    _ name: String, per unit: String, allocations: Double? = nil, waits: Bool = false,
    isWhole: Bool = false, plan make: @escaping @Sendable (Plan) throws -> any StageBody
  ) {
    self.name = name
    self.unit = unit
    self.allocations = allocations
    self.waits = waits
    self.isWhole = isWhole
    self.make = make
  }

  /// Prepares what the stage works on.
  public func prepare(_ plan: Plan) throws -> StageRun { StageRun(try make(plan)) }
}

/// What a stage does.
protocol StageBody: AnyObject {
  /// Bytes that one unit has in frames, where the stage reads or restores frames.
  var wireBytesPerUnit: Double? { get }
  /// The longest time that it took for one group, where that matters.
  var longestStop: LongestStop? { get }
  /// What else it has found.
  var measures: [Measure] { get }
  /// Runs once and gives how many units that were.
  func batch() throws -> Int
}

extension StageBody {
  var wireBytesPerUnit: Double? { nil }
  var longestStop: LongestStop? { nil }
  var measures: [Measure] { [] }
}

/// A stage whose data is prepared. One thread owns it.
public final class StageRun {
  /// Units so far.
  public private(set) var units = 0
  /// Bytes that one unit has in frames, where the stage reads or restores frames.
  public var wireBytesPerUnit: Double? { body.wireBytesPerUnit }
  /// The longest time that it took for one group, while it was prepared too; nil where no one asks.
  public var longestStop: LongestStop? { body.longestStop }
  /// What else it has found; ask once a batch was run.
  public var measures: [Measure] { body.measures }
  private let body: any StageBody
  private var surplus = 0

  init(_ body: any StageBody) { self.body = body }

  /// Runs a batch, of as many units as suit the stage.
  public func runBatch() throws {
    let done = try body.batch()
    precondition(done > 0, "BUG: a batch of a stage did nothing")
    units += done
    surplus += done
  }

  /// Runs batches until so many units more are done; what is done beyond counts for the next call.
  public func run(_ count: Int) throws {
    while surplus < count { try runBatch() }
    surplus -= count
  }
}

/// Keeps a result, so that what made it is not left out.
@inline(never)
func keep(_ value: UInt64) { kept.store(value, ordering: .relaxed) }

private let kept = Atomic<UInt64>(0)
