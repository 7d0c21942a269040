import Foundation
import Wire

/// A connected socket for bytes that no sender would send.
private func connected(
  to server: String, _ type: __socket_type, receiveBuffer: Int32? = nil
) throws -> Int32 {
  let parts = server.split(separator: ":")
  guard parts.count == 2, let port = UInt16(parts[1]) else {
    throw ServiceProcess.Failure(description: "no IPv4 address: \(server)")
  }
  let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
  if var receiveBuffer {
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
  }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  unsafe inet_pton(AF_INET, String(parts[0]), &address.sin_addr)
  let result = unsafe withUnsafePointer(to: &address) {
    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard result == 0 else { throw ServiceProcess.Failure(description: "connect: \(errno)") }
  return descriptor
}

private func setReceiveLimit(_ descriptor: Int32, milliseconds: Int) {
  var limit = timeval(tv_sec: milliseconds / 1_000, tv_usec: (milliseconds % 1_000) * 1_000)
  unsafe setsockopt(
    descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
}

/// A blocking UDP socket.
final class RawDatagrams {
  private let descriptor: Int32

  init(to server: String) throws { descriptor = try connected(to: server, SOCK_DGRAM) }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) {
    _ = unsafe Foundation.send(descriptor, bytes, bytes.count, 0)
  }

  /// The next datagram, nil if none comes in time.
  func receive(milliseconds: Int = 300) -> [UInt8]? {
    setReceiveLimit(descriptor, milliseconds: milliseconds)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer[..<count])
  }
}

/// A blocking connection over TCP or a unix socket.
final class RawStream: Sendable {
  /// How a connection ended.
  enum Ending {
    /// The service has sent everything and ended its direction.
    case ended
    /// The connection was reset.
    case reset
    /// It has not ended in time.
    case open
  }

  private let descriptor: Int32

  /// Connects.
  ///
  /// - Parameter receiveBuffer: bytes that the kernel is asked to keep for us at most.
  init(to server: String, receiveBuffer: Int32? = nil) throws {
    descriptor = try connected(to: server, SOCK_STREAM, receiveBuffer: receiveBuffer)
    var on: Int32 = 1
    unsafe setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Connects to a unix socket.
  init(toSocket path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) {
      unsafe $0.copyBytes(from: Array(path.utf8))
    }
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw ServiceProcess.Failure(description: "connect: \(errno)") }
  }

  deinit { close(descriptor) }

  /// Sends all bytes, however long that takes; false if the connection has ended before.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest.removeFirst(count)
    }
    return true
  }

  /// Sends as much as is taken now, and answers how much that was.
  func sendWhatFits(_ bytes: ArraySlice<UInt8>) -> Int {
    let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
    return max(
      0,
      unsafe bytes.withUnsafeBytes {
        unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, flags)
      })
  }

  /// Ends our direction.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// The next bytes; empty if none come in time or none come any more.
  func receive(milliseconds: Int = 10_000) -> (bytes: [UInt8], ending: Ending) {
    setReceiveLimit(descriptor, milliseconds: milliseconds)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    if count > 0 { return (Array(buffer[..<count]), .open) }
    if count == 0 { return ([], .ended) }
    return ([], errno == EAGAIN ? .open : .reset)
  }

  /// Everything until the end, or until nothing comes for a while.
  func receiveAll(milliseconds: Int = 10_000) -> (bytes: [UInt8], ending: Ending) {
    var all: [UInt8] = []
    while true {
      let (bytes, ending) = receive(milliseconds: milliseconds)
      if bytes.isEmpty { return (all, ending) }
      all += bytes
    }
  }

  /// Receives until so many answers have come, and answers their sequences.
  func sequences(_ count: Int) throws -> [UInt64] {
    var bytes: [UInt8] = []
    var found: [UInt64] = []
    while found.count < count {
      let next = receive().bytes
      guard !next.isEmpty else { break }
      bytes += next
      found = try Self.sequences(in: bytes)
    }
    return found
  }

  /// The sequences of the acks in bytes, in order.
  static func sequences(in bytes: [UInt8]) throws -> [UInt64] {
    var sequences: [UInt64] = []
    var start = 0
    let span = bytes.span
    let all = RawSpan(_elements: span)
    while start < bytes.count {
      let rest = all.extracting(droppingFirst: start)
      let length = try FrameHeader.frameLength(peeking: rest, limits: .standard)
      guard let length, length <= rest.byteCount else { break }
      let header = try FrameHeader(parsing: rest.extracting(first: length), limits: .standard)
      guard header.type == .ack else {
        throw ServiceProcess.Failure(description: "an answer of type \(header.type)")
      }
      sequences.append(header.sequence)
      start += length
    }
    return sequences
  }
}
