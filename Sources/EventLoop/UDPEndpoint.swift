internal import CLibUV
internal import Glibc

/// A UDP socket on an event loop (`uv_udp_t` with `UV_UDP_RECVMMSG`).
///
/// Received datagrams are lent to a handler, up to 20 from one system call. Frames to be sent are
/// queued and leave together in one `sendmmsg`. Nothing is allocated per datagram.
///
/// Thread: used on its loop's thread only.
@safe
public final class UDPEndpoint: LoopHandle {
  /// The address that the socket is bound to, with the port that it got.
  public let localAddress: SocketAddress
  /// The only peer of an endpoint made by `init(on:connectedTo:options:)`.
  public let peer: SocketAddress?
  /// The receive buffer that the kernel granted, in the terms of `UDPOptions.receiveBufferBytes`.
  /// Less than was asked for when `net.core.rmem_max` is lower.
  public let receiveBufferBytes: Int
  /// What was counted so far.
  public internal(set) var statistics = UDPStatistics()

  let descriptor: Int32
  /// What waits to be sent.
  var queue: DatagramQueue
  /// Message headers for one `sendmmsg`.
  let messages: MessageBlock
  /// Tells when the socket can be written to again; there once it could not.
  var writability: WritabilityWatcher?
  /// Lent to libuv for the length of each receive.
  let slab: UnsafeMutableRawBufferPointer
  var onDatagram: (RawSpan, SocketAddress) -> Void = { _, _ in }
  var onBatchEnd: () -> Void = {}
  var lastKernelDrops: UInt32 = 0
  var totalKernelDrops: UInt64 = 0

  /// libuv receives into slots of this size and no other (`UV__UDP_DGRAM_MAXSIZE`).
  static let slotBytes = 64 * 1_024
  /// The most datagrams that libuv receives at once (`UV__MMSG_MAXWIDTH`).
  static let slotCount = 20

  /// An endpoint bound to exactly this address; an IPv6 socket takes IPv6 only. Port 0 takes a free
  /// one. Nothing is received before `startReceiving`.
  ///
  /// - Throws: what `socket`, `setsockopt` or `bind` refuse, such as `EADDRINUSE`.
  public convenience init(
    on loop: EventLoop, bind address: SocketAddress, options: UDPOptions = UDPOptions()
  ) throws(EventLoopError) {
    loop.assertOwner()
    let socket = try Self.open(for: address, options)
    try socket.bind(to: address)
    try self.init(loop: loop, socket: socket, peer: nil, options)
  }

  /// A client's endpoint: sends to one peer and receives from it only, from a port that the system
  /// picks. A peer that does not listen shows as `receiveErrors`.
  ///
  /// - Throws: what `socket`, `setsockopt` or `connect` refuse, such as `ENETUNREACH`.
  public convenience init(
    on loop: EventLoop, connectedTo peer: SocketAddress, options: UDPOptions = UDPOptions()
  ) throws(EventLoopError) {
    loop.assertOwner()
    let socket = try Self.open(for: peer, options)
    try socket.connect(to: peer)
    try self.init(loop: loop, socket: socket, peer: peer, options)
  }

  private init(
    loop: EventLoop, socket: consuming Socket, peer: SocketAddress?, _ options: UDPOptions
  ) throws(EventLoopError) {
    localAddress = try socket.localAddress()
    // The kernel reserves, and reports, twice what it was asked for (socket(7)).
    receiveBufferBytes = Int(try socket.get(SO_RCVBUF, "getsockopt SO_RCVBUF")) / 2
    self.peer = peer
    queue = DatagramQueue(
      bytes: options.sendQueueBytes, datagramLimit: options.maximumDatagramLength)
    messages = MessageBlock()
    unsafe slab = .allocate(byteCount: Self.slotBytes * Self.slotCount, alignment: 4_096)
    descriptor = socket.release()

    let handle = unsafe LoopHandle.memory(for: uv_udp_t.self)
    unsafe expect(
      uv_udp_init_ex(loop.raw, handle, UV_UDP_RECVMMSG.rawValue), "uv_udp_init_ex")
    unsafe super.init(loop: loop, handle: UnsafeMutableRawPointer(handle))
    adopt()
    unsafe expect(uv_udp_open(handle, descriptor), "uv_udp_open")
    // uv_udp_open sets SO_REUSEADDR, which would let another socket with it take the address over.
    var off: Int32 = 0
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &off, 4)
  }

  deinit {
    unsafe slab.deallocate()
  }

  private static func open(
    for address: SocketAddress, _ options: UDPOptions
  ) throws(EventLoopError) -> Socket {
    let socket = try Socket.open(for: address, kind: .datagram)
    if options.reusePort {
      try socket.set(SOL_SOCKET, SO_REUSEPORT, 1, "setsockopt SO_REUSEPORT")
    }
    if let bytes = options.receiveBufferBytes {
      try socket.set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: bytes), "setsockopt SO_RCVBUF")
    }
    return socket
  }

  /// Datagrams that the kernel dropped on this socket since it was opened, because its receive
  /// buffer was full or a checksum was wrong (`SO_MEMINFO`). The kernel counts modulo 2³²: to be
  /// read more often than that many are lost.
  public var kernelDrops: UInt64 {
    loop.assertOwner()
    var drops: UInt32 = 0
    guard !isClosed, unsafe wb_socket_drops(descriptor, &drops) == 0 else {
      return totalKernelDrops
    }
    totalKernelDrops += UInt64(drops &- lastKernelDrops)
    lastKernelDrops = drops
    return totalKernelDrops
  }

  override func closing() {
    // Ends libuv's loop over the datagrams of the current batch.
    if let handle = unsafe pointer(as: uv_udp_t.self) { unsafe _ = uv_udp_recv_stop(handle) }
    writability?.close()
    writability = nil
    onDatagram = { _, _ in }
    onBatchEnd = {}
  }
}
