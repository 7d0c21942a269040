internal import CLibUV
internal import Glibc

extension UDPEndpoint {
  /// Queues one frame. Frames to the same peer share a datagram, in their order, up to
  /// `UDPOptions.maximumDatagramLength` bytes and 64 frames; a longer frame goes alone.
  ///
  /// Nothing leaves before `flushQueued()`. If the queue is full the frame is dropped and counted.
  public func queue(_ frame: RawSpan, to peer: SocketAddress) {
    loop.assertOwner()
    precondition(
      self.peer == nil || self.peer == peer,
      "BUG: a frame to \(peer) was queued on an endpoint that is connected elsewhere")
    guard !isClosed else { return }
    if queue.append(frame, to: peer) {
      statistics.framesQueued &+= 1
    } else {
      statistics.framesDropped &+= 1
    }
  }

  /// Sends what is queued, in one system call for each 256 datagrams (`sendmmsg`).
  ///
  /// When the socket's buffer is full the rest stays queued and leaves by itself once it can. What
  /// the kernel refuses for good is dropped and counted.
  public func flushQueued() {
    loop.assertOwner()
    guard !isClosed, writability?.isWaiting != true else { return }
    sendQueued()
  }

  /// Sends until the queue is empty or the socket full.
  func sendQueued() {
    while !queue.isEmpty {
      let count = min(queue.waiting, MessageBlock.capacity)
      for index in 0..<count {
        unsafe messages.set(
          index, to: peer == nil ? queue.peer(at: index) : nil, queue.bytes(at: index))
      }
      let result = unsafe wb_sendmmsg(
        descriptor, messages.headers.baseAddress, UInt32(count), Int32(MSG_DONTWAIT))
      if result > 0 {
        queue.removeFirst(Int(result))
        statistics.datagramsSent &+= UInt64(result)
      } else if errno == EAGAIN {
        statistics.sendStalls &+= 1
        awaitWritability()
        return
      } else if errno != EINTR {
        // The error is that of the first datagram (sendmmsg(2), "RETURN VALUE").
        queue.removeFirst(1)
        statistics.sendErrors &+= 1
      }
    }
  }

  /// Goes on with the queue when the socket can be written to.
  func awaitWritability() {
    if let writability {
      writability.start()
      return
    }
    do throws(EventLoopError) {
      let watcher = try WritabilityWatcher(loop: loop, descriptor: descriptor) {
        [unowned self] in sendQueued()
      }
      watcher.start()
      writability = watcher
    } catch {
      // No descriptor is left to watch with: the next flush tries again.
    }
  }
}

/// Message headers for `sendmmsg`, allocated once.
@safe
final class MessageBlock {
  /// Datagrams that leave in one system call, at most.
  static let capacity = 256

  let headers: UnsafeMutableBufferPointer<wb_mmsghdr>
  private let parts: UnsafeMutableBufferPointer<iovec>
  private let names: UnsafeMutableRawBufferPointer
  /// An address's share of `names`, kept aligned.
  private static let nameStride = 32

  init() {
    unsafe headers = .allocate(capacity: Self.capacity)
    unsafe parts = .allocate(capacity: Self.capacity)
    unsafe names = .allocate(byteCount: Self.capacity * Self.nameStride, alignment: 64)
    unsafe headers.initialize(repeating: wb_mmsghdr())
    unsafe parts.initialize(repeating: iovec())
    for index in 0..<Self.capacity {
      unsafe headers[index].header.msg_iov = parts.baseAddress?.advanced(by: index)
      unsafe headers[index].header.msg_iovlen = 1
    }
  }

  deinit {
    unsafe headers.deallocate()
    unsafe parts.deallocate()
    unsafe names.deallocate()
  }

  /// Makes one message of these bytes, to a peer or, on a connected socket, to `nil`.
  func set(_ index: Int, to peer: SocketAddress?, _ bytes: UnsafeMutableRawBufferPointer) {
    unsafe parts[index] = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
    guard let peer, let name = unsafe names.baseAddress?.advanced(by: index * Self.nameStride)
    else { return }
    unsafe headers[index].header.msg_namelen = peer.store(to: name)
    unsafe headers[index].header.msg_name = name
  }
}

/// Tells when a UDP socket can be written to (`uv_poll_t`).
///
/// libuv allows one watcher per descriptor, and the receiving handle is that one. So this watches a
/// duplicate: the same socket under another number.
@safe
final class WritabilityWatcher: LoopHandle {
  private(set) var isWaiting = false
  private let duplicate: Int32
  private var handler: () -> Void

  init(
    loop: EventLoop, descriptor: Int32, _ handler: @escaping () -> Void
  ) throws(EventLoopError) {
    let duplicate = try checkErrno(fcntl(descriptor, F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC")
    let handle = unsafe LoopHandle.memory(for: uv_poll_t.self)
    do throws(EventLoopError) {
      try check(unsafe uv_poll_init(loop.raw, handle, duplicate), "uv_poll_init")
    } catch {
      _ = Glibc.close(duplicate)
      unsafe handle.deallocate()
      throw error
    }
    self.duplicate = duplicate
    self.handler = handler
    unsafe super.init(loop: loop, handle: UnsafeMutableRawPointer(handle))
    adopt()
  }

  /// Calls the handler once, when the socket can be written to.
  func start() {
    guard !isClosed, let handle = unsafe pointer(as: uv_poll_t.self) else { return }
    isWaiting = true
    unsafe expect(
      uv_poll_start(handle, Int32(UV_WRITABLE.rawValue), socketWritable), "uv_poll_start")
  }

  override func closing() { handler = {} }

  // The duplicate must outlive libuv's watch of it, and uv_close ends that at once.
  override func closed() { _ = Glibc.close(duplicate) }

  fileprivate func fired() {
    guard !isClosed, let handle = unsafe pointer(as: uv_poll_t.self) else { return }
    unsafe expect(uv_poll_stop(handle), "uv_poll_stop")
    isWaiting = false
    handler()
  }
}

private func socketWritable(
  _ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32
) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<WritabilityWatcher>.fromOpaque(data).takeUnretainedValue().fired()
}
