internal import CZstd

/// Compresses buffers into zstd frames with one context that is used again and again.
///
/// One thread uses a compressor at a time.
@safe public final class Compressor {
  /// The level that suits columns of small integers: the fastest that still pays for itself.
  public static let defaultLevel = -1

  /// Every level that zstd takes; lower is faster, higher is smaller.
  public static var levels: ClosedRange<Int> { Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel()) }

  /// The level of this compressor.
  public let level: Int

  private let context: OpaquePointer

  /// A compressor with a context of its own (`ZSTD_createCCtx`).
  ///
  /// - Parameter level: one of ``levels``; anything else is a bug of the caller and stops the
  ///   process.
  public init(level: Int = Compressor.defaultLevel) {
    precondition(Compressor.levels.contains(level), "BUG: \(level) is no zstd level")
    guard let context = unsafe ZSTD_createCCtx() else {
      fatalError("FATAL: no memory for a zstd compression context")
    }
    let answer = unsafe ZSTD_CCtx_setParameter(
      context, ZSTD_c_compressionLevel, Int32(truncatingIfNeeded: level))
    precondition(ZSTD_isError(answer) == 0, "BUG: zstd refuses level \(level)")
    self.level = level
    unsafe self.context = context
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  /// Appends one zstd frame that holds `source` (`ZSTD_compress2`).
  ///
  /// The frame states its content's length. An empty source gives a valid frame. The only failure
  /// that zstd knows here is a lack of memory, which stops the process.
  ///
  /// - Returns: the number of bytes appended.
  @discardableResult
  public func compress(_ source: RawSpan, into output: inout [UInt8]) -> Int {
    let bound = ZSTD_compressBound(source.byteCount)
    precondition(ZSTD_isError(bound) == 0, "BUG: \(source.byteCount) bytes are no zstd source")
    let before = output.count
    output.append(addingCapacity: bound) { free in
      unsafe free.withUnsafeMutableBufferPointer { destination, count in
        let written = unsafe source.withUnsafeBytes { bytes in
          unsafe ZSTD_compress2(
            context, destination.baseAddress, destination.count, bytes.baseAddress, bytes.count)
        }
        guard ZSTD_isError(written) == 0 else {
          fatalError("FATAL: zstd cannot compress: \(errorName(written))")
        }
        count = written
      }
    }
    return output.count - before
  }
}

/// zstd's name of an error (`ZSTD_getErrorName`).
func errorName(_ code: Int) -> String { unsafe String(cString: ZSTD_getErrorName(code)) }
