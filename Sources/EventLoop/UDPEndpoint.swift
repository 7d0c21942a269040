internal import CLibUV
internal import Glibc

/// A UDP socket on an event loop (`uv_poll_t`, `recvmmsg`, `sendmmsg`).
///
/// Received datagrams are lent to a handler, up to 64 from one system call. Frames to be sent are
/// queued and leave together in one system call too. Nothing is allocated per datagram.
///
/// libuv's own `uv_udp_t` reads 20 datagrams at once, into slots that begin 64 KiB apart and
/// therefore share the same few lines of the processor's caches.
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
  let messages = MessageBlock(capacity: 256)
  /// Message headers for one `recvmmsg`, into the slab.
  let slots = MessageBlock(capacity: 64)
  private let slab: UnsafeMutableRawBufferPointer
  var onDatagram: (RawSpan, SocketAddress) -> Void = { _, _ in }
  var onBatchEnd: () -> Void = {}
  /// Whether the socket is watched for datagrams.
  var awaitsDatagrams = false
  /// Whether the socket was full and is watched until it can be written to.
  var awaitsWritability = false
  /// Length in the mean of the datagrams that were read last.
  var meanLength = 0
  var lastKernelDrops: UInt32 = 0
  var totalKernelDrops: UInt64 = 0

  /// Bytes of a slot: more than any datagram has, so that none is cut off.
  private static let slotBytes = 64 << 10
  /// Bytes from one slot to the next, so that the beginnings of slots are spread over the
  /// processor's caches.
  private static let slotStride = slotBytes + 1_536
  /// Bytes at which a read ends: the loop has other things to do.
  static let bytesTogether = 128 << 10

  /// An endpoint bound to exactly this address; an IPv6 socket takes IPv6 only. Port 0 takes a free
  /// one. Nothing is received before `startReceiving`.
  ///
  /// - Throws: what `socket`, `setsockopt` or `bind` refuse, such as `EADDRINUSE`.
  public convenience init(
    on loop: EventLoop, bind address: SocketAddress, options: UDPOptions = UDPOptions()
  ) throws(EventLoopError) {
    loop.assertOwner()
    let socket = try Self.open(for: address, options)
    try socket.bind(to: address, .datagram, options.sharing)
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
    unsafe slab = .allocate(byteCount: Self.slotStride * slots.capacity, alignment: 4_096)
    for index in 0..<slots.capacity {
      let start = index * Self.slotStride
      unsafe slots.lend(
        index, UnsafeMutableRawBufferPointer(rebasing: slab[start..<start + Self.slotBytes]))
    }
    let handle = unsafe LoopHandle.memory(for: uv_poll_t.self)
    do throws(EventLoopError) {
      try check(unsafe uv_poll_init(loop.raw, handle, socket.descriptor), "uv_poll_init")
    } catch {
      unsafe handle.deallocate()
      unsafe slab.deallocate()
      throw error
    }
    descriptor = socket.release()
    unsafe super.init(loop: loop, handle: UnsafeMutableRawPointer(handle))
    adopt()
  }

  deinit {
    unsafe slab.deallocate()
  }

  private static func open(
    for address: SocketAddress, _ options: UDPOptions
  ) throws(EventLoopError) -> Socket {
    let socket = try Socket.open(for: address, kind: .datagram)
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

  /// Has the loop watch the socket for what is awaited.
  func watch() {
    guard !isClosed, let handle = unsafe pointer(as: uv_poll_t.self) else { return }
    let events =
      (awaitsDatagrams ? UV_READABLE.rawValue : 0) | (awaitsWritability ? UV_WRITABLE.rawValue : 0)
    if events == 0 {
      unsafe expect(uv_poll_stop(handle), "uv_poll_stop")
    } else {
      unsafe expect(uv_poll_start(handle, Int32(events), socketReady), "uv_poll_start")
    }
  }

  /// The socket can be read or written, or has an error, which reading takes from it.
  fileprivate func ready(isReadable: Bool, isWritable: Bool, isError: Bool) {
    if awaitsDatagrams, isReadable || isError { read() }
    guard !isClosed else { return }
    if awaitsWritability, isWritable || isError {
      awaitsWritability = false
      watch()
      sendQueued()
    } else if isError {
      // libuv stops to watch a socket with an error.
      watch()
    }
  }

  override func closing() {
    onDatagram = { _, _ in }
    onBatchEnd = {}
  }

  // The descriptor must outlive libuv's watch of it, and uv_close ends that at once.
  override func closed() { _ = Glibc.close(descriptor) }
}

private func socketReady(
  _ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32
) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<UDPEndpoint>.fromOpaque(data).takeUnretainedValue().ready(
    isReadable: events & Int32(UV_READABLE.rawValue) != 0,
    isWritable: events & Int32(UV_WRITABLE.rawValue) != 0, isError: status < 0)
}
