/// What is wrong in a segment, and where.
public struct SegmentError: Error, Hashable, Sendable {
  /// What is wrong.
  public var fault: Fault
  /// Number of the segment; nil in the durability mark.
  public var segment: UInt64?
  /// Byte offset in the file, of the block where it concerns one.
  public var offset: Int
  /// Byte offset inside the block's decompressed columns, where it concerns a column.
  public var column: Int?
  /// What should stand there; the limit where there is one.
  public var expected: UInt64
  /// What stands there.
  public var found: UInt64

  /// An error from its parts.
  public init(
    _ fault: Fault, segment: UInt64?, offset: Int, column: Int? = nil, expected: UInt64,
    found: UInt64
  ) {
    self.fault = fault
    self.segment = segment
    self.offset = offset
    self.column = column
    self.expected = expected
    self.found = found
  }
}

extension SegmentError {
  /// A kind of damage. Unless a case says otherwise, expected and found are the field's values.
  public enum Fault: String, Sendable, CaseIterable {
    /// Fewer bytes than the structure has; both values are byte counts.
    case truncated
    /// Another magic number.
    case magic
    /// Another version of the format.
    case version
    /// Reserved bytes that are not zero.
    case reserved
    /// A length past its limit, or one that contradicts another.
    case length
    /// The checksum does not fit the bytes.
    case checksum
    /// An unknown kind of block; expected is the highest known.
    case kind
    /// The number of entries is zero or past its limit.
    case entryCount
    /// The first arrival is after the last; both are bit patterns.
    case arrival
    /// The content hash of the block before is another one.
    case chain
    /// The content has another hash than the header says.
    case content
    /// The log position does not follow the block before, or does not fit 64 bits.
    case position
    /// The segment's own number differs from its name.
    case number
    /// The partition is not below the partition count; expected is the count.
    case partition
    /// The columns do not decompress to the stated length; found is 0 if not at all.
    case compression
    /// Another type of column.
    case columnType
    /// Plane bits outside the column's width.
    case columnPlanes
    /// Text that is not UTF-8; both values are 0.
    case text
    /// Bytes behind the last column; both values are byte counts.
    case columnTail
    /// No block ends at the position of the durability mark.
    case markPosition
    /// The chain at the position of the durability mark differs from the mark's.
    case markChain
  }
}

extension SegmentError: CustomStringConvertible {
  /// One sentence for logs and operators.
  public var description: String {
    let file = segment.map { "segment \($0)" } ?? "durability mark"
    let inner = column.map { ", column byte \($0)" } ?? ""
    return "\(file), offset \(offset)\(inner): \(fault.rawValue): "
      + "expected \(text(of: expected)), found \(text(of: found))"
  }

  private func text(of value: UInt64) -> String {
    switch fault {
    case .magic, .checksum, .chain, .content, .markChain: "0x" + String(value, radix: 16)
    case .arrival: String(Int64(bitPattern: value))
    default: String(value)
    }
  }
}
