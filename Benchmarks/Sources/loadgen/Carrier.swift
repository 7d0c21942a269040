import CDatagrams
import CanonicalLoad
import EventLoop
import Glibc

/// How frames reach the service.
enum Transport: String, CaseIterable, Codable {
  case udp
  case tcp
}

/// A socket that can no longer be used.
struct CarrierFailure: Error, CustomStringConvertible {
  let description: String

  init(_ operation: String, _ code: Int64) {
    description = unsafe "\(operation): \(String(cString: strerror(Int32(-code))))"
  }
}

/// One connected socket, and the frames that wait to be sent through it.
///
/// Frames leave from where they lie in the pool: several datagrams in one buffer where the kernel
/// cuts it (`UDP_SEGMENT`), or as parts of one write to a stream.
@safe
final class Carrier {
  let socket: Int32
  /// Datagrams that leave in one buffer.
  let group: Int
  private let transport: Transport
  private let frames: lg_frames
  private let reader: AnswerReader
  /// Frames that wait.
  private let queue: UnsafeMutableBufferPointer<UInt32>
  private var queued = 0
  /// Bytes of the first waiting frame that the stream has taken.
  private var skip: UInt32 = 0

  /// Bytes that may wait on a connection before no more is added.
  private static let streamLimit = 1 << 18
  /// A datagram with its headers has at most 65,535 bytes, and so has a buffer to be cut.
  private static let bufferLimit = 65_535 - 48

  init(
    to server: (host: String, port: UInt16), _ transport: Transport, pool: FramePool,
    reader: AnswerReader
  ) throws(CarrierFailure) {
    self.transport = transport
    self.reader = reader
    unsafe frames = lg_frames(
      base: pool.base, stride: pool.stride, length: UInt32(pool.frameLength))
    socket = unsafe lg_connect(server.host, server.port, transport == .tcp ? 1 : 0, 4 << 20)
    let limit =
      transport == .udp
      ? Int(LG_OUTGOING) : min(Int(LG_OUTGOING), max(1, Self.streamLimit / pool.frameLength))
    unsafe queue = .allocate(capacity: limit)
    let canSegment =
      transport == .udp && socket >= 0 && lg_can_segment(socket, UInt32(pool.frameLength)) == 1
    group =
      canSegment ? max(1, min(Int(LG_SEGMENTS), Self.bufferLimit / pool.frameLength)) : 1
    guard socket >= 0 else { throw CarrierFailure("connect", Int64(socket)) }
  }

  deinit {
    unsafe queue.deallocate()
    if socket >= 0 { _ = close(socket) }
  }

  /// Whether something waits that the kernel did not take.
  var isBlocked: Bool { queued > 0 }
  /// Whether more may be added.
  var hasRoom: Bool { unsafe queued < queue.count }

  /// Adds a frame; it leaves with ``flush()``.
  func add(_ frame: Int) {
    unsafe queue[queued] = UInt32(truncatingIfNeeded: frame)
    queued += 1
  }

  /// Hands what waits to the kernel, as far as it takes it.
  func flush() throws(CarrierFailure) {
    while queued > 0 {
      let taken = transport == .udp ? try sendDatagrams() : try writeStream()
      if taken == 0 { return }
      queued -= taken
      if queued > 0, let start = unsafe queue.baseAddress {
        unsafe start.update(from: start + taken, count: queued)
      }
    }
  }

  private func sendDatagrams() throws(CarrierFailure) -> Int {
    let taken = unsafe lg_send(socket, frames, queue.baseAddress, Int32(queued), Int32(group))
    guard taken >= 0 else { throw CarrierFailure("sendmmsg", Int64(taken)) }
    return Int(taken)
  }

  private func writeStream() throws(CarrierFailure) -> Int {
    let taken = unsafe lg_write(socket, frames, queue.baseAddress, Int32(queued), skip)
    guard taken >= 0 else { throw CarrierFailure("send", taken) }
    let all = UInt32(taken) + skip
    let length = unsafe frames.length
    skip = all % length
    return Int(all / length)
  }

  /// Hands over the answers that are there.
  ///
  /// - Returns: whether there were any.
  func receive(_ body: (Answer) -> Void) throws(CarrierFailure) -> Bool {
    transport == .udp
      ? try reader.receiveDatagrams(socket, body) : try reader.receiveStream(socket, body)
  }
}
