internal import CLibUV
internal import Glibc

/// Message headers for `sendmmsg` and `recvmmsg`, each with one part and room for an address,
/// allocated once.
///
/// Thread: one thread owns a block.
@safe
final class MessageBlock {
  /// Datagrams of one system call, at most.
  let capacity: Int

  let headers: UnsafeMutableBufferPointer<wb_mmsghdr>
  private let parts: UnsafeMutableBufferPointer<iovec>
  private let names: UnsafeMutableRawPointer
  /// An address's share of `names`, kept aligned.
  private static let nameStride = 32

  init(capacity: Int) {
    self.capacity = capacity
    unsafe headers = .allocate(capacity: capacity)
    unsafe parts = .allocate(capacity: capacity)
    unsafe names = .allocate(byteCount: capacity * Self.nameStride, alignment: 64)
    unsafe headers.initialize(repeating: wb_mmsghdr())
    unsafe parts.initialize(repeating: iovec())
    for index in 0..<capacity {
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
    guard let peer else { return }
    let name = unsafe names + index * Self.nameStride
    unsafe headers[index].header.msg_namelen = peer.store(to: name)
    unsafe headers[index].header.msg_name = name
  }

  /// Makes one message that receives into these bytes, and the sender's address beside them.
  func lend(_ index: Int, _ bytes: UnsafeMutableRawBufferPointer) {
    unsafe parts[index] = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
    unsafe headers[index].header.msg_name = names + index * Self.nameStride
    unsafe headers[index].header.msg_namelen = socklen_t(Self.nameStride)
  }

  /// Takes a message that was received: its bytes and who sent it.
  ///
  /// Its place can receive again once the bytes were read.
  func take(_ index: Int) -> (bytes: UnsafeRawBufferPointer, sender: SocketAddress?) {
    let message = unsafe headers[index]
    // The kernel says how long the address is where it was told how long it may be.
    unsafe headers[index].header.msg_namelen = socklen_t(Self.nameStride)
    let name = unsafe UnsafeRawBufferPointer(
      start: names + index * Self.nameStride,
      count: min(Int(message.header.msg_namelen), Self.nameStride))
    let length = unsafe min(Int(message.length), parts[index].iov_len)
    return unsafe (
      UnsafeRawBufferPointer(start: parts[index].iov_base, count: length),
      SocketAddress(sockaddr: name)
    )
  }
}
