import CanonicalLoad
import Foundation
import Glibc

/// How long the disk takes to write 64 KiB and sync them, with nothing else going on: no durable
/// ack can be quicker.
struct SyncProbe: Codable {
  /// Writes that were timed.
  var writes: UInt64
  /// Milliseconds of one, by percentage.
  var p50: Double
  var p99: Double
  var p999: Double

  private static let byteCount = 64 << 10
  private static let fileByteCount = 64 << 20

  /// Writes to a file of a directory for some seconds, into room that was written before, as the
  /// log does for a segment that is allocated.
  ///
  /// - Returns: nil if the directory takes no file.
  static func run(in directory: String, seconds: Double = 1) -> SyncProbe? {
    let path = "\(directory)/weighbridge-sync.\(getpid())"
    let file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { return nil }
    defer {
      close(file)
      unsafe unlink(path)
    }
    guard posix_fallocate(file, 0, off_t(fileByteCount)) == 0, fdatasync(file) == 0 else {
      return nil
    }
    var random = SystemRandomNumberGenerator()
    let words = (0..<byteCount / 8).map { _ in random.next() as UInt64 }
    var latencies = LatencyHistogram()
    let start = ContinuousClock.now
    var offset = 0
    while start.duration(to: .now) < .seconds(seconds) {
      let began = ContinuousClock.now
      let written = unsafe words.withUnsafeBytes {
        unsafe pwrite(file, $0.baseAddress, byteCount, off_t(offset))
      }
      guard written == byteCount, fdatasync(file) == 0 else { return nil }
      latencies.record(Int64(began.duration(to: .now) / .nanoseconds(1)))
      offset = (offset + byteCount) % fileByteCount
    }
    return SyncProbe(
      writes: latencies.count, p50: latencies.percentile(50), p99: latencies.percentile(99),
      p999: latencies.percentile(99.9))
  }
}
