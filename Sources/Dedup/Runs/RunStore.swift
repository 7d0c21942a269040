internal import CIntrinsics

/// Keeps the files of runs; the shell's, or memory in a test.
///
/// The index calls it from upkeep only, so it may take its time and wait for a disk.
public protocol RunStore: AnyObject, Sendable {
  /// Begins a file, which has no name yet.
  ///
  /// - Parameters:
  ///   - number: the number that the run gets.
  ///   - byteCount: how large the file becomes at most.
  func begin(_ number: UInt64, byteCount: Int) throws -> any RunFile

  /// Removes a run's file. A file that stays because this fails does no harm: its span lies in that
  /// of another run, or before the window.
  func remove(_ number: UInt64)
}

/// A run's file that is being written, from its second page on.
public protocol RunFile: AnyObject {
  /// Appends bytes, the second page's first.
  func append(_ bytes: RawSpan) throws

  /// Writes the first page, syncs everything, gives the file its name, and syncs that.
  ///
  /// - Returns: the bytes of the whole file.
  func seal(header: RawSpan) throws -> RunBytes
}

/// The bytes of a run's file, which stay where they are: a mapping, or memory.
@safe
public final class RunBytes: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer
  /// Ends their life with its own.
  private let owner: AnyObject

  /// Bytes that never change while `owner` lives.
  @unsafe
  public init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    unsafe self.bytes = bytes
    self.owner = owner
  }

  /// How many.
  var count: Int { unsafe bytes.count }

  /// All of them.
  var span: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe bytes.bytes
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Where some of them lie, while this lives.
  @unsafe
  func pointers(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  /// Tells the kernel that some of them will be read.
  func willNeed(_ range: Range<Int>) {
    let part = unsafe pointers(range)
    unsafe wb_will_need(part.baseAddress, part.count)
  }
}
