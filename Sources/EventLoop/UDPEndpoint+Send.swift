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
    guard !isClosed, !awaitsWritability else { return }
    sendQueued()
  }

  /// Sends until the queue is empty or the socket full.
  func sendQueued() {
    while !queue.isEmpty {
      let count = min(queue.waiting, messages.capacity)
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
    awaitsWritability = true
    watch()
  }
}
