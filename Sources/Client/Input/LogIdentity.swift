internal import Authentication

/// What makes the idempotency keys of one log.
///
/// A key is the first 16 bytes of SHA-256 over the name of the source, the digest of the log's
/// first line, the offset of the line and its bytes. So a log keeps its keys when it is copied,
/// renamed or rotated, and when it grows; equal lines at different places have different keys.
///
/// The digest is cryptographic because strangers write much of a log line: with a weaker one a
/// client could make a request whose key equals that of another line, which would not be counted.
struct LogIdentity {
  private let prefix: ContentDigest

  init(source: String, firstLine: Span<UInt8>) {
    var first = ContentDigest()
    first.update(firstLine)
    var prefix = ContentDigest()
    // Each part has a fixed length or is led by its length, so that no two logs share a prefix.
    prefix.update(word: UInt64(source.utf8.count))
    prefix.update(source.utf8Span.span)
    prefix.update(word: UInt64(truncatingIfNeeded: first.value))
    prefix.update(word: UInt64(truncatingIfNeeded: first.value >> 64))
    self.prefix = prefix
  }

  /// The key of the line at this offset.
  func key(of line: Span<UInt8>, at offset: Int64) -> UInt128 {
    var digest = prefix
    digest.update(word: UInt64(bitPattern: offset))
    digest.update(line)
    return digest.value
  }
}
