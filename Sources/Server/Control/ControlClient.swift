internal import Foundation
internal import Glibc

/// Talks to the running service of a data directory.
public enum ControlClient {
  /// Sends a request and waits for the answer.
  ///
  /// - Parameters:
  ///   - request: what to ask.
  ///   - layout: the data directory.
  ///   - timeout: seconds to wait for the answer.
  /// - Throws: ``CommandFailure`` if no service runs there or it does not answer.
  public static func send(
    _ request: ControlRequest, to layout: DataDirectoryLayout, timeout: Int = 60
  ) throws(CommandFailure) -> ControlResponse {
    let path: String
    do throws(DataDirectoryError) {
      let installation = try layout.readInstallation()
      try layout.checkRuntimeDirectory(of: installation)
      path = layout.controlSocket(of: installation)
    } catch {
      throw CommandFailure("no service answers in \(layout.path): \(error)")
    }
    let descriptor = try connect(path, timeout: timeout)
    defer { close(descriptor) }
    let line = ControlCoding.line(request)
    guard unsafe Glibc.send(descriptor, line, line.count, Int32(MSG_NOSIGNAL)) == line.count
    else { throw CommandFailure("the service at \(path) took no request: \(reason(errno))") }
    let answer = try readLine(descriptor, path)
    let response: ControlResponse
    do {
      response = try ControlCoding.decode(ControlResponse.self, answer)
    } catch {
      throw CommandFailure("the service at \(path) answered what is no control message")
    }
    if let error = response.error {
      throw CommandFailure(
        error, exit: response.exit.flatMap { CommandExit(rawValue: $0) } ?? .refused)
    }
    return response
  }

  private static func connect(_ path: String, timeout: Int) throws(CommandFailure) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw CommandFailure("no socket: \(reason(errno))") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    precondition(
      bytes.count <= DataDirectoryLayout.maximumSocketPath, "BUG: a control path over sun_path")
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    // A `timeval`: seconds and microseconds. Optimised builds find that type in another module.
    let limit = [timeout, 0]
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, limit, socklen_t(2 * MemoryLayout<Int>.stride))
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close(descriptor)
      throw CommandFailure(
        "no service answers at \(path): \(reason(code)); start it with weighbridge serve")
    }
    return descriptor
  }

  private static func readLine(
    _ descriptor: Int32, _ path: String
  ) throws(CommandFailure) -> [UInt8] {
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandFailure("the service at \(path) did not answer in time: \(reason(errno))")
      }
      if count == 0 { break }
      answer += chunk[..<count]
      if answer.last == UInt8(ascii: "\n") { break }
    }
    guard !answer.isEmpty else {
      throw CommandFailure("the service at \(path) ended before it answered")
    }
    return answer
  }

  private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
