/// Sizes of the pages that a run consists of.
enum RunPage {
  /// Bytes of a page; what one read of a cold key costs.
  static let byteCount = 4096
  /// Bytes before the keys.
  static let headerByteCount = 16
  /// Keys of a full page.
  static let keyCount = (byteCount - headerByteCount) / MemoryLayout<UInt128>.size

  /// The bytes of as many whole pages as this many bytes need.
  static func roundedUp(_ bytes: Int) -> Int { (bytes + byteCount - 1) / byteCount * byteCount }
}
