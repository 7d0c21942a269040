public import Wire

/// A source of usage records, read one after the other.
///
/// One thread owns an input.
public protocol UsageInput: AnyObject {
  /// Bytes of the input that were read so far, whole lines of it.
  var bytesRead: Int64 { get }

  /// The next record, the fault of the next line, or nil at the end.
  ///
  /// A fault never stops the input: the next call goes on with the line after it.
  func next() throws(InputFailure) -> Result<UsageRecord, InputError>?
}
