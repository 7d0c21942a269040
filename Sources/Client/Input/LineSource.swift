internal import Glibc

/// The lines of a file or of standard input, in bounded memory.
///
/// A line ends with LF or CR LF; the last one may end with the file. A UTF-8 byte order mark at the
/// beginning is skipped. Descriptors are closed with the source, except standard input.
public struct LineSource: ~Copyable {
  /// The longest line, without its end: 64 KiB.
  public static let maximumLineBytes = 65_536

  enum Step {
    /// ``line`` holds the next line.
    case line
    /// The next line is longer than ``maximumLineBytes``; it was skipped and ``line`` is empty.
    case tooLong
    case end
  }

  private let descriptor: Int32
  private let path: String
  private let chunkBytes: Int
  private var buffer: [UInt8]
  /// The bytes of `buffer` that were read and not yet given out.
  private var unread = 0..<0
  private var lineBounds = 0..<0
  /// Bytes of the input that were given out, as lines or their ends.
  private(set) var consumed: Int64 = 0
  private var reachedEnd = false

  /// The number of the line given last, the first one being 1.
  private(set) var number = 0
  /// Where the line given last begins, in bytes from the beginning of the input.
  private(set) var offset: Int64 = 0
  /// Whether the line given last ends with the input and not with LF.
  private(set) var isUnfinished = false

  /// The bytes of the file at `path`.
  public init(path: String) throws(InputFailure) {
    try self.init(path: path, chunkBytes: 1 << 18)
  }

  /// Standard input.
  public static func standardInput() -> LineSource {
    LineSource(descriptor: STDIN_FILENO, path: "standard input", chunkBytes: 1 << 18)
  }

  /// `chunkBytes` is how much is read at once.
  init(path: String, chunkBytes: Int) throws(InputFailure) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .cannotOpen(path: path, reason: Self.message(of: errno))
    }
    self.init(descriptor: descriptor, path: path, chunkBytes: chunkBytes)
  }

  private init(descriptor: Int32, path: String, chunkBytes: Int) {
    self.descriptor = descriptor
    self.path = path
    self.chunkBytes = chunkBytes
    // Room for the longest line with its end, and for a chunk after it.
    buffer = [UInt8](repeating: 0, count: Self.maximumLineBytes + 2 + chunkBytes)
  }

  deinit {
    if descriptor != STDIN_FILENO { _ = close(descriptor) }
  }

  /// The line given last, without its end. Valid until the next ``advance()``.
  var line: Span<UInt8> {
    @_lifetime(borrow self) get { buffer.span.extracting(lineBounds) }
  }

  /// Goes to the next line. Amortised cost is proportional to its length.
  mutating func advance() throws(InputFailure) -> Step {
    if number == 0 { try skipByteOrderMark() }
    offset = consumed
    number += 1
    var searched = 0
    while true {
      if let end = lineFeed(after: searched) {
        let start = unread.lowerBound
        take(end + 1 - start)
        return give(start..<end)
      }
      searched = unread.count
      if searched > Self.maximumLineBytes + 1 { return try skipLine() }
      if try !readMore() { break }
    }
    guard !unread.isEmpty else { return .end }
    let rest = unread
    take(rest.count)
    isUnfinished = true
    return give(rest)
  }

  private mutating func give(_ bounds: Range<Int>) -> Step {
    var end = bounds.upperBound
    if end > bounds.lowerBound, buffer[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    lineBounds = bounds.lowerBound..<end
    guard lineBounds.count <= Self.maximumLineBytes else {
      lineBounds = 0..<0
      return .tooLong
    }
    return .line
  }

  private mutating func skipLine() throws(InputFailure) -> Step {
    lineBounds = 0..<0
    repeat {
      if let end = lineFeed(after: 0) {
        take(end + 1 - unread.lowerBound)
        return .tooLong
      }
      take(unread.count)
    } while try readMore()
    return .tooLong
  }

  private mutating func skipByteOrderMark() throws(InputFailure) {
    while unread.count < 3 {
      if try !readMore() { return }
    }
    let start = unread.lowerBound
    if buffer[start] == 0xEF, buffer[start + 1] == 0xBB, buffer[start + 2] == 0xBF { take(3) }
  }

  private mutating func take(_ count: Int) {
    unread = (unread.lowerBound + count)..<unread.upperBound
    consumed += Int64(count)
  }

  /// Where the first LF stands in `unread`, whose first `searched` bytes are known to hold none.
  private func lineFeed(after searched: Int) -> Int? {
    let from = unread.lowerBound + searched
    let count = unread.upperBound - from
    return unsafe buffer.withUnsafeBytes { bytes in
      guard count > 0, let base = bytes.baseAddress,
        let found = unsafe memchr(base + from, 0x0A, count)
      else { return nil }
      return unsafe UnsafeRawPointer(found) - base
    }
  }

  /// Reads up to a chunk; false at the end of the input.
  private mutating func readMore() throws(InputFailure) -> Bool {
    if reachedEnd { return false }
    if unread.lowerBound > 0 {
      let rest = unread
      unsafe buffer.withUnsafeMutableBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        _ = unsafe memmove(base, base + rest.lowerBound, rest.count)
      }
      unread = 0..<unread.count
    }
    let end = unread.upperBound
    let room = min(chunkBytes, buffer.count - end)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe read(descriptor, bytes.baseAddress.map { unsafe $0 + end }, room)
      }
      if count < 0 {
        let code = errno
        if code == EINTR { continue }
        throw .cannotRead(
          path: path, offset: consumed + Int64(unread.count), reason: Self.message(of: code))
      }
      if count == 0 { reachedEnd = true }
      unread = 0..<(end + count)
      return count > 0
    }
  }

  private static func message(of code: Int32) -> String {
    unsafe String(cString: strerror(code))
  }
}

extension LineSource {
  /// The fault of a line that ``advance()`` skipped.
  static var tooLongFault: InputFault {
    InputFault(
      "line", found: "more than \(maximumLineBytes) bytes",
      allowed: "at most \(maximumLineBytes) bytes")
  }
}
