import CDatagrams
import Glibc

/// A connection to a port on loopback whose calls wait.
@safe
final class BlockingStream {
  private let socket: Int32
  private let watch: Int32
  private var input = [UInt8](repeating: 0, count: 1 << 18)
  private var first = 0
  private var end = 0

  init(port: UInt16) throws(CarrierFailure) {
    watch = lg_watch_create()
    socket = unsafe lg_connect("127.0.0.1", port, 1, 4 << 20)
    guard socket >= 0 else { throw CarrierFailure("connect", Int64(socket)) }
  }

  deinit {
    _ = close(watch)
    if socket >= 0 { _ = close(socket) }
  }

  private func wait(toWrite: Bool) {
    var number: UInt32 = 0
    _ = lg_watch(watch, socket, 0, toWrite ? 1 : 0)
    _ = unsafe lg_wait(watch, &number, 1, 1_000_000_000)
  }

  func write(_ bytes: [UInt8]) throws(CarrierFailure) {
    var sent = 0
    while sent < bytes.count {
      let taken = unsafe bytes.withUnsafeBufferPointer { buffer in
        guard let start = buffer.baseAddress else { return Int64(0) }
        let frames = unsafe lg_frames(base: start, stride: 0, length: UInt32(buffer.count))
        var number: UInt32 = 0
        return unsafe lg_write(socket, frames, &number, 1, UInt32(sent))
      }
      guard taken >= 0 else { throw CarrierFailure("send", taken) }
      if taken == 0 { wait(toWrite: true) }
      sent += Int(taken)
    }
  }

  /// The next line, without its end.
  func line() throws(CarrierFailure) -> [UInt8] { Array(input[try nextLine()]) }

  /// Reads past the next line; gives its first character and whether that says error.
  func skipLine() throws(CarrierFailure) -> (first: UInt8, isError: Bool) {
    let first = input[try nextLine().lowerBound]
    return (first, first == UInt8(ascii: "-"))
  }

  private func nextLine() throws(CarrierFailure) -> Range<Int> {
    var scanned = first
    while true {
      if let found = input[scanned..<end].firstIndex(of: UInt8(ascii: "\n")) {
        defer { first = found + 1 }
        return first..<found - 1
      }
      scanned = end
      if first == end {
        (first, end, scanned) = (0, 0, 0)
      }
      try fill()
    }
  }

  private func fill() throws(CarrierFailure) {
    precondition(end < input.count || first > 0, "BUG: a line longer than the buffer")
    if end == input.count {
      input.removeFirst(first)
      end -= first
      input += [UInt8](repeating: 0, count: first)
      first = 0
    }
    while true {
      let count = unsafe input.withUnsafeMutableBufferPointer { buffer in
        guard let start = buffer.baseAddress else { return Int64(0) }
        return unsafe lg_read(socket, start + end, buffer.count - end)
      }
      if count == -Int64(EAGAIN) {
        wait(toWrite: false)
        continue
      }
      guard count > 0 else { throw CarrierFailure("recv", count == 0 ? -Int64(EPIPE) : count) }
      end += Int(count)
      return
    }
  }
}
