internal import CanonicalLoad
internal import Wire

/// Frames of the canonical load in memory, with new keys each time.
final class FrameSource {
  let pool: FramePool
  let secret: [UInt8]?
  private var next = 0
  private var sequence: UInt64 = 0

  /// A time at which the load begins; the frames' own times lie near it.
  static let start: Int64 = 1_772_000_000_000

  init(_ keys: KeyForm, hmac: Bool = false, duplicates: Int = 500, _ size: Stage.Size) {
    secret = hmac ? (0..<32).map { UInt8($0) } : nil
    var plan = FramePool.Plan(frames: size == .full ? 4_096 : 64, frameLength: 1_400, keys: keys)
    plan.shares = MixShares(duplicates: duplicates, conflicts: duplicates / 25)
    plan.secret = secret
    plan.keyID = hmac ? 1 : 0
    pool = FramePool(plan)
  }

  /// Bytes of a record in these frames.
  var bytesPerRecord: Double { Double(pool.frameLength) / pool.recordsPerFrame }

  /// Makes the next frame and gives its number.
  func make(at time: Int64) -> Int {
    let frame = next
    next = next + 1 < pool.count ? next + 1 : 0
    sequence += 1
    pool.patch(frame, source: 0, sequence: sequence, time: time)
    return frame
  }

  /// Appends the next frames to columns, up to a group.
  func fill(_ columns: inout UsageColumns, at time: Int64) throws {
    columns.removeAll()
    while columns.count < Stage.group { try append(make(at: time), to: &columns) }
  }

  func append(_ frame: Int, to columns: inout UsageColumns) throws {
    let all = unsafe pool.bytes(frame)
    let bytes = unsafe all.bytes
    let header = try FrameHeader(parsing: bytes, limits: .standard)
    try columns.append(frame: bytes, header: header)
  }
}

/// The making of frames alone, whose cost is part of the stages that need new keys.
final class MakeStage: StageBody {
  private let frames: FrameSource

  init(_ keys: KeyForm, _ size: Stage.Size) throws { frames = FrameSource(keys, size) }

  func batch() -> Int {
    var records = 0
    while records < Stage.group {
      records += Int(frames.pool.records(frames.make(at: FrameSource.start)))
    }
    return records
  }
}
