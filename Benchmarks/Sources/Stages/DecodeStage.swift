internal import Authentication
internal import CanonicalLoad
internal import Wire

/// From the bytes of frames to columns.
final class DecodeStage: StageBody {
  private let frames: FrameSource
  private var columns = UsageColumns()
  private var next = 0

  init(_ keys: KeyForm, _ size: Stage.Size) throws {
    frames = FrameSource(keys, size)
    for _ in 0..<frames.pool.count { _ = frames.make(at: FrameSource.start) }
  }

  var wireBytesPerUnit: Double? { frames.bytesPerRecord }

  func batch() throws -> Int {
    columns.removeAll()
    while columns.count < Stage.group {
      try frames.append(next, to: &columns)
      next = next + 1 < frames.pool.count ? next + 1 : 0
    }
    keep(UInt64(columns.count))
    return columns.count
  }
}

/// Checking the tag of a frame.
final class TagStage: StageBody {
  private let frames: FrameSource
  private let authenticator: MessageAuthenticator
  private var next = 0

  init(_ size: Stage.Size) {
    frames = FrameSource(.raw, hmac: true, size)
    authenticator = MessageAuthenticator(secret: frames.secret ?? [])
    for _ in 0..<frames.pool.count { _ = frames.make(at: FrameSource.start) }
  }

  func batch() throws -> Int {
    let all = unsafe frames.pool.bytes(next)
    let bytes = unsafe all.bytes
    let header = try FrameHeader(parsing: bytes, limits: .standard)
    let isRight = authenticator.verify(
      header.tag(in: bytes), of: header.authenticated(in: bytes))
    precondition(isRight, "BUG: a frame with a wrong tag")
    next = next + 1 < frames.pool.count ? next + 1 : 0
    return 1
  }
}
