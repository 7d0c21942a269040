internal import CZlib

/// Compresses a stream into one gzip member (RFC 1952) with bounded memory, about 256 KiB.
///
/// One thread uses a stream at a time.
@safe public final class GzipStream {
  /// The level of a stream that says nothing else: zlib's own default.
  public static let defaultLevel: Int32 = 6

  private let stream: UnsafeMutablePointer<z_stream>
  private var isFinished = false

  /// A stream without content yet (`deflateInit2` with 15 + 16 window bits).
  public init() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe weighbridge_deflate_gzip(stream, Self.defaultLevel) == Z_OK else {
      fatalError("FATAL: no memory for a gzip stream")
    }
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Takes content and appends what is ready of the compressed stream (`deflate`).
  public func compress(_ source: [UInt8], into output: inout [UInt8]) {
    precondition(!isFinished, "BUG: content behind the end of a gzip stream")
    unsafe source.withUnsafeBytes { unsafe run($0, Z_NO_FLUSH, into: &output) }
  }

  /// Appends the rest of the compressed stream.
  public func finish(into output: inout [UInt8]) {
    guard !isFinished else { return }
    isFinished = true
    unsafe run(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, into: &output)
  }

  private static let pieceLength = 1 << 16

  private func run(_ source: UnsafeRawBufferPointer, _ mode: Int32, into output: inout [UInt8]) {
    var rest = unsafe source
    repeat {
      // The counter of zlib has 32 bits.
      let count = min(rest.count, 1 << 30)
      unsafe stream.pointee.next_in = UnsafeMutablePointer(
        mutating: rest.baseAddress?.assumingMemoryBound(to: UInt8.self))
      unsafe stream.pointee.avail_in = UInt32(truncatingIfNeeded: count)
      let isLast = count == rest.count
      // Where room is left, nothing more is ready.
      while step(isLast ? mode : Z_NO_FLUSH, into: &output) == 0 {}
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    } while unsafe !rest.isEmpty
  }

  /// - Returns: the room that was left.
  private func step(_ mode: Int32, into output: inout [UInt8]) -> Int {
    var left = 0
    output.append(addingCapacity: Self.pieceLength) { free in
      unsafe free.withUnsafeMutableBufferPointer { destination, count in
        unsafe stream.pointee.next_out = destination.baseAddress
        unsafe stream.pointee.avail_out = UInt32(truncatingIfNeeded: destination.count)
        let answer = unsafe deflate(stream, mode)
        precondition(
          answer == Z_OK || answer == Z_STREAM_END || answer == Z_BUF_ERROR,
          "BUG: zlib answers \(answer)")
        left = unsafe Int(stream.pointee.avail_out)
        count = destination.count - left
      }
    }
    return left
  }
}
