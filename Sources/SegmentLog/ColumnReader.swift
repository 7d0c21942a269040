internal import Bytes

/// Reads the columns of one block in the order in which they were written.
///
/// Every method takes the number of values that the caller expects, checks all bytes before it
/// allocates, and throws a ``SegmentError`` that names the segment, the block's offset and the byte
/// inside the columns.
public struct ColumnReader: ~Copyable, ~Escapable {
  /// Byte offset of the next column.
  public private(set) var offset = 0

  private let columns: RawSpan
  private let segment: UInt64
  private let block: Int

  /// Reads decompressed columns.
  ///
  /// - Parameters:
  ///   - columns: what ``SegmentBlock/decompressColumns(with:into:)`` gave.
  ///   - segment: the number of the segment, for errors.
  ///   - block: the byte offset of the block in the segment, for errors.
  @_lifetime(copy columns)
  public init(_ columns: RawSpan, segment: UInt64, block: Int) {
    self.columns = columns
    self.segment = segment
    self.block = block
  }

  /// Replaces `values` by a column of `count` bytes.
  public mutating func read(count: Int, into values: inout [UInt8]) throws(SegmentError) {
    try expect(.unsigned8)
    try readPlanes(count: count, into: &values)
  }

  /// Replaces `values` by a column of `count` integers.
  public mutating func read(count: Int, into values: inout [UInt16]) throws(SegmentError) {
    try expect(.unsigned16)
    try readPlanes(count: count, into: &values)
  }

  /// Replaces `values` by a column of `count` integers.
  public mutating func read(count: Int, into values: inout [UInt32]) throws(SegmentError) {
    try expect(.unsigned32)
    try readPlanes(count: count, into: &values)
  }

  /// Replaces `values` by a column of `count` integers.
  public mutating func read(count: Int, into values: inout [UInt64]) throws(SegmentError) {
    try expect(.unsigned64)
    try readPlanes(count: count, into: &values)
  }

  /// Replaces `values` by a column of `count` integers that are small in absolute value.
  public mutating func read(count: Int, into values: inout [Int64]) throws(SegmentError) {
    try expect(.signed64)
    try readPlanes(count: count, into: &values)
    var span = values.mutableSpan
    for index in span.indices {
      unsafe span[unchecked: index] = Zigzag.decode(UInt64(bitPattern: span[unchecked: index]))
    }
  }

  /// Replaces `values` by a column of `count` integers that are close to the one before.
  public mutating func read(deltas count: Int, into values: inout [Int64]) throws(SegmentError) {
    try expect(.delta64)
    try need(8)
    var value: Int64 = columns.integer(at: offset)
    offset += 8
    try readPlanes(count: count, into: &values)
    var span = values.mutableSpan
    for index in span.indices {
      value &+= unsafe Zigzag.decode(UInt64(bitPattern: span[unchecked: index]))
      unsafe span[unchecked: index] = value
    }
  }

  /// A column of bytes without structure, lent from the columns.
  @_lifetime(copy self)
  public mutating func readBytes() throws(SegmentError) -> RawSpan {
    try expect(.bytes)
    try need(4)
    let length = Int(columns.integer(at: offset, as: UInt32.self))
    offset += 4
    try need(length)
    let content = columns.extracting(offset..<(offset + length))
    offset += length
    return content
  }

  /// Replaces `texts` by a column of `count` texts; a text that is not UTF-8 is an error.
  public mutating func read(count: Int, into texts: inout [String]) throws(SegmentError) {
    texts.removeAll(keepingCapacity: true)
    try expect(.texts)
    var lengths: [UInt32] = []
    try readPlanes(count: count, into: &lengths)
    let total = lengths.reduce(into: UInt64(0)) { $0 += UInt64($1) }
    try need(Int(exactly: total) ?? .max)
    texts.reserveCapacity(count)
    for length in lengths {
      let bytes = columns.extracting(offset..<(offset + Int(length)))
      let text = unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
      guard let text else { throw error(.text, expected: 0, found: 0) }
      texts.append(text)
      offset += Int(length)
    }
  }

  /// Checks that no byte follows the last column.
  public func finish() throws(SegmentError) {
    guard offset == columns.byteCount else {
      throw error(.columnTail, expected: UInt64(offset), found: UInt64(columns.byteCount))
    }
  }
}

extension ColumnReader {
  private func error(
    _ fault: SegmentError.Fault, expected: UInt64, found: UInt64
  ) -> SegmentError {
    SegmentError(
      fault, segment: segment, offset: block, column: offset, expected: expected, found: found)
  }

  /// Checks that this many bytes are left.
  private func need(_ count: Int) throws(SegmentError) {
    let left = columns.byteCount - offset
    guard count <= left else {
      throw error(.truncated, expected: UInt64(count), found: UInt64(left))
    }
  }

  private mutating func expect(_ type: ColumnType) throws(SegmentError) {
    try need(1)
    let found: UInt8 = columns.integer(at: offset)
    guard found == type.rawValue else {
      throw error(.columnType, expected: UInt64(type.rawValue), found: UInt64(found))
    }
    offset += 1
  }

  /// Replaces `values` by `count` words from their planes.
  @inline(__always)
  private mutating func readPlanes<Word: FixedWidthInteger & BitwiseCopyable>(
    count: Int, into values: inout [Word]
  ) throws(SegmentError) {
    values.removeAll(keepingCapacity: true)
    guard (0...BlockLimits.maximumEntryCount).contains(count) else {
      throw error(
        .entryCount, expected: UInt64(BlockLimits.maximumEntryCount),
        found: UInt64(bitPattern: Int64(count)))
    }
    try need(1)
    let mask: UInt8 = columns.integer(at: offset)
    guard Int(mask) < 1 << Word.planes else {
      throw error(.columnPlanes, expected: UInt64(1 << Word.planes - 1), found: UInt64(mask))
    }
    let stored = mask.nonzeroBitCount
    try need(1 + Word.planes - stored + stored * count)
    offset += 1
    var constant: Word = 0
    for plane in 0..<Word.planes where mask & 1 << plane == 0 {
      constant |=
        Word(truncatingIfNeeded: columns.integer(at: offset, as: UInt8.self)) << (8 * plane)
      offset += 1
    }
    values.append(addingCapacity: count) { $0.append(repeating: constant, count: count) }
    var span = values.mutableSpan
    for plane in 0..<Word.planes where mask & 1 << plane != 0 {
      let shift = Word(truncatingIfNeeded: 8 * plane)
      let bytes = columns.extracting(offset..<(offset + count))
      for index in 0..<count {
        let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
        unsafe span[unchecked: index] |= Word(truncatingIfNeeded: byte) &<< shift
      }
      offset += count
    }
  }
}
