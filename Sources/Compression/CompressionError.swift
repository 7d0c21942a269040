/// Why bytes could not be decompressed.
public enum CompressionError: Error, Equatable, Sendable {
  /// The output would be longer than the caller allows.
  case limitExceeded(limit: Int)
  /// The bytes are not a zstd frame, are cut off, or do not decode; `reason` is zstd's own name.
  case malformed(reason: String)
  /// zstd could not allocate its working memory.
  case outOfMemory
}

extension CompressionError: CustomStringConvertible {
  /// One sentence for logs.
  public var description: String {
    switch self {
    case .limitExceeded(let limit): "decompressed data would exceed \(limit) bytes"
    case .malformed(let reason): "compressed data is malformed: \(reason)"
    case .outOfMemory: "no memory to decompress"
    }
  }
}
