import EventLoop
import Glibc
import Testing

/// Runs `body` with a loop of its own and closes the loop. Closing stops the process if any handle
/// is left, so that every test that uses this also proves that none leaks.
func withLoop(_ body: (EventLoop) throws -> Void) throws {
  let loop = try EventLoop()
  defer { loop.close() }
  try body(loop)
}

/// Runs the loop until a handler stops it. A loop that nobody stops fails the test after a while
/// instead of hanging it.
func runUntilStopped(_ loop: EventLoop, sourceLocation: SourceLocation = #_sourceLocation) {
  var isStuck = false
  let watchdog = loop.makeTimer(after: 30_000) {
    isStuck = true
    loop.stop()
  }
  watchdog.keepsLoopRunning = false
  loop.run()
  watchdog.close()
  #expect(!isStuck, "nobody stopped the loop", sourceLocation: sourceLocation)
}

/// The loopback addresses of both families, with a port for the system to pick.
let loopbacks = ["127.0.0.1", "::1"].compactMap { SocketAddress(host: $0, port: 0) }

extension Array where Element == UInt8 {
  /// A copy of what a span lends.
  init(copying span: RawSpan) {
    self.init()
    reserveCapacity(span.byteCount)
    for offset in 0..<span.byteCount {
      unsafe append(span.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    }
  }
}

/// A path of a unix socket that is free.
func temporaryPath(_ name: String) -> String {
  let path = "\(P_tmpdir)/weighbridge-test-\(getpid())-\(name)"
  unsafe _ = unlink(path)
  return path
}
