internal import CLibUV
internal import Glibc

extension UDPEndpoint {
  /// Starts to receive.
  ///
  /// - Parameters:
  ///   - onDatagram: gets each datagram and who sent it. The span is valid during the call only.
  ///   - onBatchEnd: runs after the datagrams that were read together, about 128 KiB at most.
  public func startReceiving(
    onDatagram: @escaping (RawSpan, SocketAddress) -> Void,
    onBatchEnd: @escaping () -> Void = {}
  ) {
    loop.assertOwner()
    guard !isClosed else { return }
    self.onDatagram = onDatagram
    self.onBatchEnd = onBatchEnd
    awaitsDatagrams = true
    watch()
  }

  /// Stops to receive; datagrams wait in the socket's buffer. `startReceiving` starts again.
  public func stopReceiving() {
    loop.assertOwner()
    guard !isClosed else { return }
    awaitsDatagrams = false
    watch()
  }

  /// Whether a datagram that is not empty waits in the socket's buffer (`FIONREAD` of udp(7)).
  public var holdsDatagrams: Bool {
    loop.assertOwner()
    var length: Int32 = 0
    return unsafe !isClosed && wb_waiting_bytes(descriptor, &length) == 0 && length > 0
  }

  /// Reads what is there, as much as is read together at most.
  func read() {
    var room = Self.bytesTogether
    var isAny = false
    var isFull = false
    repeat {
      // As many as have room if they are as long as the ones before.
      let limit = min(slots.capacity, max(1, room / max(meanLength, 1)))
      let count = unsafe Int(
        wb_recvmmsg(descriptor, slots.headers.baseAddress, UInt32(limit), Int32(MSG_DONTWAIT)))
      guard count > 0 else {
        if errno != EAGAIN, errno != EINTR { statistics.receiveErrors &+= 1 }
        break
      }
      isAny = true
      var length = 0
      for index in 0..<count {
        length += deliver(index)
        if isClosed { return }
      }
      meanLength = length / count
      room -= length
      isFull = count == limit
    } while isFull && room > meanLength
    if isAny { onBatchEnd() }
  }

  /// Hands a datagram on and gives its length.
  @inline(__always)
  private func deliver(_ index: Int) -> Int {
    let datagram = unsafe slots.take(index)
    guard let sender = unsafe datagram.sender else { return 0 }
    statistics.datagramsReceived &+= 1
    unsafe onDatagram(datagram.bytes.bytes, sender)
    return unsafe datagram.bytes.count
  }
}
