/// What is wrong in a run, and where.
public struct RunError: Error, Hashable, Sendable {
  /// What is wrong.
  public var fault: Fault
  /// Number of the run.
  public var run: UInt64
  /// Byte offset in the file.
  public var offset: Int
  /// What should stand there; the limit where there is one.
  public var expected: UInt64
  /// What stands there.
  public var found: UInt64

  init(_ fault: Fault, run: UInt64, offset: Int, expected: UInt64, found: UInt64) {
    self.fault = fault
    self.run = run
    self.offset = offset
    self.expected = expected
    self.found = found
  }

  /// A kind of damage. Unless a case says otherwise, expected and found are the field's values.
  public enum Fault: String, Sendable, CaseIterable {
    /// The file has another length than its header says; both values are byte counts.
    case length
    /// Another magic number.
    case magic
    /// Another version of the format.
    case version
    /// The checksum does not fit the bytes.
    case checksum
    /// The run's own number differs from its name.
    case number
    /// No keys, no filter, or more than the limit.
    case count
    /// The span ends before it begins; both values are positions.
    case span
    /// A page has another number than its place.
    case page
    /// A page holds another number of keys than its place asks for.
    case pageCount
    /// A page's first key does not have the position that its fence says.
    case fence
  }
}

extension RunError: CustomStringConvertible {
  /// One sentence for logs and operators.
  public var description: String {
    "run \(run), offset \(offset): \(fault.rawValue): "
      + "expected \(text(of: expected)), found \(text(of: found))"
  }

  private func text(of value: UInt64) -> String {
    switch fault {
    case .magic, .checksum: "0x" + String(value, radix: 16)
    default: String(value)
    }
  }
}
