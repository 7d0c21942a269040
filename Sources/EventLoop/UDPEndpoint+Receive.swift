internal import CLibUV
internal import Glibc

extension UDPEndpoint {
  /// Starts to receive.
  ///
  /// - Parameters:
  ///   - onDatagram: gets each datagram and who sent it. The span is valid during the call only.
  ///   - onBatchEnd: runs after the datagrams that one system call brought, 1 to 20.
  ///
  /// Datagrams that were cut off are counted and not handed on.
  public func startReceiving(
    onDatagram: @escaping (RawSpan, SocketAddress) -> Void,
    onBatchEnd: @escaping () -> Void = {}
  ) {
    loop.assertOwner()
    guard !isClosed, let handle = unsafe pointer(as: uv_udp_t.self) else { return }
    self.onDatagram = onDatagram
    self.onBatchEnd = onBatchEnd
    // An endpoint that receives already just gets new handlers.
    unsafe expect(uv_udp_recv_stop(handle), "uv_udp_recv_stop")
    unsafe expect(uv_udp_recv_start(handle, lendSlab, datagramReceived), "uv_udp_recv_start")
  }

  /// Stops to receive; datagrams wait in the socket's buffer. `startReceiving` starts again.
  public func stopReceiving() {
    loop.assertOwner()
    guard !isClosed, let handle = unsafe pointer(as: uv_udp_t.self) else { return }
    unsafe expect(uv_udp_recv_stop(handle), "uv_udp_recv_stop")
  }

  /// What one receive callback of libuv means.
  func received(
    count: Int, base: UnsafeMutablePointer<CChar>?, from address: UnsafePointer<sockaddr>?,
    flags: UInt32
  ) {
    if flags & UV_UDP_MMSG_FREE.rawValue != 0 {
      onBatchEnd()
      return
    }
    guard count >= 0 else {
      statistics.receiveErrors &+= 1
      return
    }
    // Without an address there was nothing to read; an empty datagram has one.
    guard let address = unsafe address, let peer = unsafe SocketAddress(lent: address) else {
      return
    }
    if flags & UV_UDP_PARTIAL.rawValue != 0 {
      statistics.datagramsTruncated &+= 1
    } else {
      statistics.datagramsReceived &+= 1
      let bytes = unsafe UnsafeRawBufferPointer(start: base, count: count)
      unsafe onDatagram(bytes.bytes, peer)
    }
    if flags & UV_UDP_MMSG_CHUNK.rawValue == 0, !isClosed { onBatchEnd() }
  }
}

private func lendSlab(
  _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggestedSize: Int,
  _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<UDPEndpoint>.fromOpaque(data)._withUnsafeGuaranteedRef { endpoint in
    unsafe buffer?.pointee.base = endpoint.slab.baseAddress?.assumingMemoryBound(to: CChar.self)
    unsafe buffer?.pointee.len = endpoint.slab.count
  }
}

private func datagramReceived(
  _ handle: UnsafeMutablePointer<uv_udp_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?,
  _ address: UnsafePointer<sockaddr>?, _ flags: UInt32
) {
  guard let data = unsafe handle?.pointee.data else { return }
  // A retain and release per datagram would cost 2 %; the handle holds one for as long as it is
  // open.
  unsafe Unmanaged<UDPEndpoint>.fromOpaque(data)._withUnsafeGuaranteedRef { endpoint in
    unsafe endpoint.received(
      count: count, base: buffer?.pointee.base, from: address, flags: flags)
  }
}
