/// Where a stream leads.
public enum StreamAddress: Hashable, Sendable, CustomStringConvertible {
  /// TCP over IPv4 or IPv6.
  case tcp(SocketAddress)
  /// A unix socket at a path of at most 107 bytes.
  case unix(path: String)

  /// `127.0.0.1:4040` or the path.
  public var description: String {
    switch self {
    case .tcp(let address): return address.description
    case .unix(let path): return path
    }
  }
}

/// The limits of one stream connection.
public struct StreamLimits: Sendable {
  /// Bytes that may wait in the receive buffer for the rest of a frame: at least the longest frame.
  /// A peer that needs more is closed with `inputTooLong`.
  public var maximumInputBytes: Int
  /// With this many bytes to be written, reading pauses; it goes on at half of it. A peer that does
  /// not read its answers thus gets no further answers. It pauses, too, when what is owed
  /// (``StreamConnection/owe(_:)``) comes near ``maximumOutputBytes``.
  public var writeHighWaterBytes: Int
  /// With more bytes than this to be written, the connection closes with `outputTooLong`.
  public var maximumOutputBytes: Int
  /// Time without progress after which the connection closes with `idle`: no bytes consumed, none
  /// taken by the peer. A connection that is being made counts too. `nil` for no limit.
  public var idleMilliseconds: Int64?

  /// Limits; the defaults suit frames of at most 64 KiB.
  public init(
    maximumInputBytes: Int = 256 << 10,
    writeHighWaterBytes: Int = 256 << 10,
    maximumOutputBytes: Int = 4 << 20,
    idleMilliseconds: Int64? = nil
  ) {
    self.maximumInputBytes = maximumInputBytes
    self.writeHighWaterBytes = writeHighWaterBytes
    self.maximumOutputBytes = maximumOutputBytes
    self.idleMilliseconds = idleMilliseconds
  }
}

/// Why a stream connection ended.
public enum StreamCloseReason: Hashable, Sendable {
  /// Both sides ended their direction in order.
  case finished
  /// `close()` was called, on the connection or on its loop.
  case closed
  /// No progress for `StreamLimits.idleMilliseconds`.
  case idle
  /// More than `StreamLimits.maximumInputBytes` without a whole frame.
  case inputTooLong
  /// More than `StreamLimits.maximumOutputBytes` to be written.
  case outputTooLong
  /// The system refused: the connection could not be made, was reset, …
  case failed(EventLoopError)
}

/// What a stream connection does with what happens to it. All handlers run on the loop's thread and
/// are let go of when the connection ends, so they may hold the connection.
public struct StreamHandlers {
  /// Gets all bytes that were received and not consumed, and answers how many it consumed, from the
  /// front. The rest comes again with what follows. The span is valid during the call only.
  public var onRead: (StreamConnection, RawSpan) -> Int
  /// The peer sends no more; answers may still be written. If it does not call `finish()` or
  /// `close()`, somebody else must. The default calls `finish()`.
  public var onEnd: (StreamConnection) -> Void
  /// Everything that was written has left the process.
  public var onDrain: (StreamConnection) -> Void
  /// The connection has ended; the last call. It comes once, also after `close()`.
  public var onClose: (StreamConnection, StreamCloseReason) -> Void

  /// Handlers.
  public init(
    onRead: @escaping (StreamConnection, RawSpan) -> Int,
    onEnd: @escaping (StreamConnection) -> Void = { $0.finish() },
    onDrain: @escaping (StreamConnection) -> Void = { _ in },
    onClose: @escaping (StreamConnection, StreamCloseReason) -> Void = { _, _ in }
  ) {
    self.onRead = onRead
    self.onEnd = onEnd
    self.onDrain = onDrain
    self.onClose = onClose
  }
}
