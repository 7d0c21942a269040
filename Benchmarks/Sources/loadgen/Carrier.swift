import CDatagrams
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

/// One connected socket, and what waits to be sent through it.
@safe
final class Carrier {
  let socket: Int32
  private let transport: Transport
  private let pool: FramePool
  private let sources: Int
  /// Of UDP: frames that wait.
  private var offsets: [UInt64] = []
  private var lengths: [UInt32] = []
  /// Of TCP: bytes that wait, and those that were read and are no whole frame yet.
  private var output: [UInt8] = []
  private var sent = 0
  private var input: UnsafeMutableRawBufferPointer
  private var inputCount = 0

  private static let batch = Int(LG_BATCH)
  private static let datagramBytes = 2_048
  /// Answers of up to 64 KiB, though the service keeps to 1,432 bytes where it can.
  private static let inputBytes = 1 << 20
  /// Bytes that may wait on a connection before no more is added.
  private static let outputLimit = 1 << 18

  init(
    to server: (host: String, port: UInt16), _ transport: Transport, pool: FramePool, sources: Int
  ) throws(CarrierFailure) {
    self.transport = transport
    self.pool = pool
    self.sources = sources
    socket = unsafe lg_connect(server.host, server.port, transport == .tcp ? 1 : 0, 4 << 20)
    unsafe input = .allocate(byteCount: Self.inputBytes, alignment: 64)
    guard socket >= 0 else { throw CarrierFailure("connect", Int64(socket)) }
  }

  deinit {
    unsafe input.deallocate()
    if socket >= 0 { _ = close(socket) }
  }

  /// Whether something waits that the kernel did not take.
  var isBlocked: Bool { !offsets.isEmpty || sent < output.count }
  /// Whether more may be added.
  var hasRoom: Bool {
    transport == .udp ? offsets.count < Self.batch : output.count - sent < Self.outputLimit
  }

  /// Adds a frame; it leaves with ``flush()``.
  func add(_ frame: Int) {
    if transport == .udp {
      offsets.append(pool.offset(frame))
      lengths.append(pool.length(frame))
    } else {
      let bytes = unsafe UnsafeBufferPointer(
        start: pool.base + frame * pool.stride, count: Int(pool.length(frame)))
      unsafe output.append(contentsOf: bytes)
    }
  }

  /// Hands what waits to the kernel, as far as it takes it.
  func flush() throws(CarrierFailure) {
    if transport == .udp {
      var first = 0
      while first < offsets.count {
        let taken = unsafe offsets.withUnsafeBufferPointer { offsets in
          unsafe lengths.withUnsafeBufferPointer { lengths in
            guard let start = offsets.baseAddress, let sizes = lengths.baseAddress
            else { return Int32(0) }
            return unsafe lg_send(
              socket, pool.base, start + first, sizes + first, Int32(offsets.count - first))
          }
        }
        guard taken >= 0 else { throw CarrierFailure("sendmmsg", Int64(taken)) }
        if taken == 0 { break }
        first += Int(taken)
      }
      offsets.removeFirst(first)
      lengths.removeFirst(first)
    } else {
      while sent < output.count {
        let taken = unsafe output.withUnsafeBufferPointer { bytes in
          guard let start = bytes.baseAddress else { return Int64(0) }
          return unsafe lg_write(socket, start + sent, bytes.count - sent)
        }
        guard taken >= 0 else { throw CarrierFailure("send", taken) }
        if taken == 0 { return }
        sent += Int(taken)
      }
      output.removeAll(keepingCapacity: true)
      sent = 0
    }
  }

  /// Hands over the answers that are there.
  ///
  /// - Returns: whether there were any.
  func receive(_ body: (Answer) -> Void) throws(CarrierFailure) -> Bool {
    transport == .udp ? try receiveDatagrams(body) : try receiveStream(body)
  }

  private func receiveDatagrams(_ body: (Answer) -> Void) throws(CarrierFailure) -> Bool {
    var counts = [UInt32](repeating: 0, count: Self.batch)
    let slab = unsafe UnsafeMutableRawBufferPointer(input)
    guard let start = unsafe slab.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return false
    }
    let received = unsafe lg_receive(
      socket, start, UInt32(Self.datagramBytes), &counts, Int32(Self.batch))
    // A service that is not there answers with ECONNREFUSED; resending goes on until it is.
    guard received >= 0 || received == -ECONNREFUSED else {
      throw CarrierFailure("recvmmsg", Int64(received))
    }
    for index in 0..<max(0, Int(received)) {
      let first = index * Self.datagramBytes
      let all = unsafe UnsafeRawBufferPointer(
        rebasing: slab[first..<first + Int(counts[index])])
      unsafe cut(all, body)
    }
    return received > 0
  }

  private func receiveStream(_ body: (Answer) -> Void) throws(CarrierFailure) -> Bool {
    guard let start = unsafe input.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return false
    }
    let count = unsafe lg_read(socket, start + inputCount, input.count - inputCount)
    if count == -Int64(EAGAIN) { return false }
    guard count > 0 else { throw CarrierFailure("recv", count == 0 ? -Int64(EPIPE) : count) }
    inputCount += Int(count)
    let all = unsafe UnsafeRawBufferPointer(rebasing: input[0..<inputCount])
    let used = unsafe cut(all, body)
    unsafe input.baseAddress?.copyMemory(from: start + used, byteCount: inputCount - used)
    inputCount -= used
    return true
  }

  /// Cuts whole answers and gives how many bytes they are.
  @unsafe
  @discardableResult
  private func cut(_ bytes: UnsafeRawBufferPointer, _ body: (Answer) -> Void) -> Int {
    var offset = 0
    while offset < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
      guard let answer = unsafe Answer(rest, sources: sources) else { break }
      body(answer)
      offset += answer.length
    }
    return offset
  }
}
