internal import CZstd

/// Compresses a stream into one zstd frame with bounded memory, a few MiB.
///
/// One thread uses a stream at a time.
@safe public final class ZstdStream {
  /// The level of a stream: zstd's own default.
  public static let defaultLevel = 3

  private let context: OpaquePointer
  private var isFinished = false

  /// A stream without content yet. The frame has a checksum of its content.
  public init() {
    guard let context = unsafe ZSTD_createCCtx() else {
      fatalError("FATAL: no memory for a zstd compression context")
    }
    unsafe self.context = context
    unsafe ZSTD_CCtx_setParameter(
      context, ZSTD_c_compressionLevel, Int32(truncatingIfNeeded: Self.defaultLevel))
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  /// Takes content and appends what is ready of the frame (`ZSTD_compressStream2`).
  public func compress(_ source: [UInt8], into output: inout [UInt8]) {
    precondition(!isFinished, "BUG: content behind the end of a zstd stream")
    unsafe source.withUnsafeBytes { unsafe run($0, ZSTD_e_continue, into: &output) }
  }

  /// Appends the rest of the frame.
  public func finish(into output: inout [UInt8]) {
    guard !isFinished else { return }
    isFinished = true
    unsafe run(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, into: &output)
  }

  private func run(
    _ source: UnsafeRawBufferPointer, _ mode: ZSTD_EndDirective, into output: inout [UInt8]
  ) {
    var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
    var isDone = false
    while !isDone {
      output.append(addingCapacity: ZSTD_CStreamOutSize()) { free in
        unsafe free.withUnsafeMutableBufferPointer { destination, count in
          var room = unsafe ZSTD_outBuffer(
            dst: destination.baseAddress, size: destination.count, pos: 0)
          let left = unsafe ZSTD_compressStream2(context, &room, &input, mode)
          guard ZSTD_isError(left) == 0 else {
            fatalError("FATAL: zstd cannot compress: \(errorName(left))")
          }
          count = unsafe room.pos
          isDone = unsafe mode == ZSTD_e_end ? left == 0 : input.pos == input.size
        }
      }
    }
  }
}
