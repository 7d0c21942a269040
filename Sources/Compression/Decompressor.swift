internal import CZstd

/// Decompresses zstd frames with one context that is used again and again.
///
/// One thread uses a decompressor at a time.
@safe public final class Decompressor {
  private let context: OpaquePointer

  /// A decompressor with a context of its own (`ZSTD_createDCtx`).
  public init() {
    guard let context = unsafe ZSTD_createDCtx() else {
      fatalError("FATAL: no memory for a zstd decompression context")
    }
    unsafe self.context = context
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Appends the content of a zstd frame (`ZSTD_decompressDCtx`).
  ///
  /// No more than `limit` bytes are written, and no more than that is allocated, whatever the frame
  /// claims. On a throw `output` is as it was.
  ///
  /// - Parameter limit: the most bytes that the content may have, at least 0.
  /// - Returns: the number of bytes appended.
  /// - Throws: ``CompressionError``.
  @discardableResult
  public func decompress(
    _ source: RawSpan, limit: Int, into output: inout [UInt8]
  ) throws(CompressionError) -> Int {
    precondition(limit >= 0, "BUG: a negative limit of decompression")
    let capacity = try contentCapacity(of: source, limit: limit)
    let before = output.count
    var answer = 0
    output.append(addingCapacity: capacity) { free in
      unsafe free.withUnsafeMutableBufferPointer { destination, count in
        answer = unsafe source.withUnsafeBytes { bytes in
          unsafe ZSTD_decompressDCtx(
            context, destination.baseAddress, destination.count, bytes.baseAddress, bytes.count)
        }
        count = ZSTD_isError(answer) == 0 ? answer : 0
      }
    }
    guard ZSTD_isError(answer) == 0 else { throw failure(answer, limit: limit) }
    return output.count - before
  }

  /// What the first frame claims to hold, if that is within the limit; the limit if it is silent.
  private func contentCapacity(of source: RawSpan, limit: Int) throws(CompressionError) -> Int {
    // The two highest values mean "unknown" and "error" (ZSTD_CONTENTSIZE_UNKNOWN, _ERROR).
    let unknown = UInt64.max
    let error = UInt64.max - 1
    let claimed = unsafe source.withUnsafeBytes { bytes in
      unsafe ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
    }
    if claimed == error { throw .malformed(reason: "no zstd frame") }
    if claimed == unknown { return limit }
    guard let length = Int(exactly: claimed), length <= limit else {
      throw .limitExceeded(limit: limit)
    }
    return length
  }

  private func failure(_ code: Int, limit: Int) -> CompressionError {
    let error = ZSTD_getErrorCode(code)
    if error == ZSTD_error_dstSize_tooSmall { return .limitExceeded(limit: limit) }
    if error == ZSTD_error_memory_allocation { return .outOfMemory }
    return .malformed(reason: errorName(code))
  }
}
