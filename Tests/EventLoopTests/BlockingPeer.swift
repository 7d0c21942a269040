import Glibc

@testable import EventLoop

/// The other end of a stream, outside any loop: one that reads only when it is told to.
final class BlockingPeer {
  private let descriptor: Int32

  init(_ address: StreamAddress) throws {
    switch address {
    case .tcp(let address):
      let socket = try Socket.open(for: address, kind: .stream)
      let flags = fcntl(socket.descriptor, F_GETFL)
      _ = fcntl(socket.descriptor, F_SETFL, flags & ~O_NONBLOCK)
      try socket.connect(to: address)
      descriptor = socket.release()
    case .unix(let path):
      let socket = try Socket(domain: AF_UNIX, kind: .stream, address: path)
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
      let result = unsafe withUnsafePointer(to: &name) {
        unsafe Glibc.connect(
          socket.descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
          socklen_t(MemoryLayout<sockaddr_un>.size))
      }
      try checkErrno(result, "connect", path)
      descriptor = socket.release()
    }
  }

  deinit { _ = Glibc.close(descriptor) }

  func send(_ bytes: [UInt8]) {
    unsafe _ = Glibc.send(descriptor, bytes, bytes.count, 0)
  }

  /// Reads what is there and answers how much it was.
  func receiveAvailable() -> Int {
    var total = 0
    unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
      while true {
        let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return }
        total += count
      }
    }
    return total
  }

  /// Makes the end of this object a reset of the connection.
  func resetWhenClosed() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe _ = setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }
}
