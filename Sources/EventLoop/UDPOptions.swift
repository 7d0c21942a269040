/// How a UDP endpoint is opened, and its limits.
public struct UDPOptions: Sendable {
  /// Whether several sockets share the address.
  public var sharing: AddressSharing
  /// The receive buffer to ask the kernel for, in bytes of its own accounting (`SO_RCVBUF`); the
  /// kernel grants at most `net.core.rmem_max`. `nil` leaves the system's default.
  public var receiveBufferBytes: Int?
  /// Frames to one peer share a datagram up to this many bytes. The default fits an Ethernet frame
  /// with room for a tunnel. A longer frame goes alone.
  public var maximumDatagramLength: Int
  /// The bytes that may wait to be sent; a datagram in the queue takes at least
  /// `maximumDatagramLength` of them. What does not fit is dropped and counted.
  public var sendQueueBytes: Int

  /// Options; the defaults are those of one server on the address.
  public init(
    sharing: AddressSharing = .alone,
    receiveBufferBytes: Int? = nil,
    maximumDatagramLength: Int = 1_432,
    sendQueueBytes: Int = 8 << 20
  ) {
    self.sharing = sharing
    self.receiveBufferBytes = receiveBufferBytes
    self.maximumDatagramLength = maximumDatagramLength
    self.sendQueueBytes = sendQueueBytes
  }
}

/// What a UDP endpoint has counted since it was opened.
public struct UDPStatistics: Sendable, Hashable {
  /// Datagrams handed to the handler.
  public var datagramsReceived: UInt64 = 0
  /// Failed receives; on a connected endpoint also the peer's "port unreachable".
  public var receiveErrors: UInt64 = 0
  /// Frames taken into the send queue.
  public var framesQueued: UInt64 = 0
  /// Frames dropped because the send queue was full.
  public var framesDropped: UInt64 = 0
  /// Datagrams that the kernel took.
  public var datagramsSent: UInt64 = 0
  /// Datagrams that the kernel refused for good, such as to a network that cannot be reached.
  public var sendErrors: UInt64 = 0
  /// Flushes that had to wait because the socket's send buffer was full.
  public var sendStalls: UInt64 = 0

  /// All zero.
  public init() {}
}
