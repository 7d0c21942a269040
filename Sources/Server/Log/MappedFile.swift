internal import Glibc

/// A file that is mapped for reading (`mmap(2)`), unmapped when it is no longer held.
@safe
final class MappedFile {
  private let address: UnsafeMutableRawPointer?
  /// Bytes of the file.
  let count: Int

  /// Maps a whole file.
  ///
  /// - Parameter access: how it will be read, as `madvise(2)` has it.
  init(_ path: String, access: Int32 = MADV_SEQUENTIAL) throws(SystemCallError) {
    let file = try OpenFile(path, O_RDONLY)
    var status = stat()
    try SystemCallError.check("examine", path) { Int(unsafe fstat(file.descriptor, &status)) }
    count = Int(status.st_size)
    guard count > 0 else {
      unsafe address = nil
      return
    }
    let mapping = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      throw SystemCallError("map", path, code: errno)
    }
    unsafe madvise(mapping, count, access)
    unsafe address = mapping
  }

  deinit {
    if let address = unsafe address { unsafe munmap(address, count) }
  }

  /// Where the bytes lie, while this lives.
  @unsafe
  var pointers: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: address, count: count)
  }

  /// The bytes.
  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(
        _unsafeStart: UnsafeRawPointer(address ?? Self.empty), byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  private nonisolated(unsafe) static let empty = UnsafeMutableRawPointer.allocate(
    byteCount: 1, alignment: 1)
}
