internal import Foundation
internal import Glibc

/// Writes and syncs a log as the service's writer does, and times it, on a thread of its own.
final class AckProbe: Sendable {
  private static let byteCount = 64 << 10
  private static let fileByteCount = 64 << 20
  private static let pauseMilliseconds = 1.0

  private let file: Int32
  private let lock = NSLock()
  nonisolated(unsafe) private var latencies: [Int64] = []
  nonisolated(unsafe) private var isStopped = false
  private let finished = DispatchSemaphore(value: 0)

  /// Begins in a folder.
  init(in folder: String) throws {
    file = unsafe open("\(folder)/log", O_RDWR | O_CREAT, 0o600)
    guard file >= 0, posix_fallocate(file, 0, off_t(Self.fileByteCount)) == 0,
      fdatasync(file) == 0
    else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    Thread { [self] in
      run()
      finished.signal()
    }.start()
  }

  private func run() {
    let words = (0..<UInt64(Self.byteCount / 8)).map(NumberedKeys.mix)
    var offset = 0
    while !lock.withLock({ unsafe isStopped }) {
      let started = Clock.now
      let written = unsafe words.withUnsafeBytes {
        unsafe pwrite(file, $0.baseAddress, Self.byteCount, off_t(offset))
      }
      guard written == Self.byteCount, fdatasync(file) == 0 else {
        fatalError("FATAL: the log cannot be written")
      }
      let elapsed = Clock.now - started
      lock.withLock { unsafe latencies.append(elapsed) }
      offset = (offset + Self.byteCount) % Self.fileByteCount
      Clock.sleep(milliseconds: Self.pauseMilliseconds)
    }
  }

  /// Takes the latencies since they were taken before.
  func take() -> Latencies {
    lock.withLock {
      defer { unsafe latencies = [] }
      return unsafe Latencies(latencies)
    }
  }

  func stop() {
    lock.withLock { unsafe isStopped = true }
    finished.wait()
    close(file)
  }
}

/// Latencies in nanoseconds, sorted.
struct Latencies {
  private let sorted: [Int64]

  init(_ latencies: [Int64]) { sorted = latencies.sorted() }

  /// Milliseconds below which a share of them are, 0 to 1.
  func milliseconds(_ share: Double) -> Double {
    guard !sorted.isEmpty else { return 0 }
    return Double(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]) / 1e6
  }
}
