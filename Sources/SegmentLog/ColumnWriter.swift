internal import Bytes

/// Appends columns, one after the other, to a buffer that is kept between blocks.
///
/// The order of the columns and the number of values in each are agreed with the ``ColumnReader``;
/// they are not stored.
///
/// One thread owns a writer.
public struct ColumnWriter: ~Copyable {
  /// All columns so far.
  public private(set) var bytes: [UInt8] = []

  private var scratch: [UInt64] = []

  /// A writer without columns.
  public init() {}

  /// Takes all columns; as much memory is made ready for the next ones.
  public mutating func take() -> [UInt8] {
    var taken: [UInt8] = []
    taken.reserveCapacity(bytes.count + bytes.count / 8)
    swap(&taken, &bytes)
    return taken
  }

  /// Forgets all columns and keeps the memory.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Appends a column of bytes; nothing but one byte if they are all the same.
  public mutating func append(_ values: Span<UInt8>) {
    bytes.append(ColumnType.unsigned8.rawValue)
    BytePlanes.append(values, to: &bytes)
  }

  /// Appends a column of integers as byte planes.
  public mutating func append(_ values: Span<UInt16>) {
    bytes.append(ColumnType.unsigned16.rawValue)
    BytePlanes.append(values, to: &bytes)
  }

  /// Appends a column of integers as byte planes.
  public mutating func append(_ values: Span<UInt32>) {
    bytes.append(ColumnType.unsigned32.rawValue)
    BytePlanes.append(values, to: &bytes)
  }

  /// Appends a column of integers as byte planes.
  public mutating func append(_ values: Span<UInt64>) {
    bytes.append(ColumnType.unsigned64.rawValue)
    BytePlanes.append(values, to: &bytes)
  }

  /// Appends a column of integers that are small in absolute value, such as quantities.
  public mutating func append(_ values: Span<Int64>) {
    bytes.append(ColumnType.signed64.rawValue)
    prepareScratch(values.count)
    var words = scratch.mutableSpan
    for index in values.indices {
      unsafe words[unchecked: index] = Zigzag.encode(values[unchecked: index])
    }
    BytePlanes.append(firstOf: scratch, count: values.count, to: &bytes)
  }

  /// Appends a column of integers that are close to the one before, such as times.
  ///
  /// Differences wrap, so every value is taken.
  public mutating func append(deltas values: Span<Int64>) {
    bytes.append(ColumnType.delta64.rawValue)
    bytes.append(littleEndian: values.isEmpty ? 0 : values[0])
    prepareScratch(values.count)
    var words = scratch.mutableSpan
    if !values.isEmpty { words[0] = 0 }
    for index in values.indices.dropFirst() {
      unsafe words[unchecked: index] = Zigzag.encode(
        values[unchecked: index] &- values[unchecked: index &- 1])
    }
    BytePlanes.append(firstOf: scratch, count: values.count, to: &bytes)
  }

  /// Appends a column of bytes without structure, with its length (32 bits).
  public mutating func append(bytes content: RawSpan) {
    guard let length = UInt32(exactly: content.byteCount) else {
      preconditionFailure("BUG: a column of \(content.byteCount) bytes")
    }
    bytes.append(ColumnType.bytes.rawValue)
    bytes.append(littleEndian: length)
    bytes.append(content)
  }

  /// Appends a column of texts, stored as UTF-8.
  public mutating func append(texts: [String]) {
    bytes.append(ColumnType.texts.rawValue)
    let lengths = texts.map { UInt32(truncatingIfNeeded: $0.utf8.count) }
    BytePlanes.append(lengths.span, to: &bytes)
    for text in texts { bytes.append(contentsOf: text.utf8) }
  }
}

extension ColumnWriter {
  /// Makes room in the scratch memory, whose content does not matter.
  private mutating func prepareScratch(_ count: Int) {
    let missing = count - scratch.count
    if missing > 0 { scratch.append(contentsOf: repeatElement(0, count: missing)) }
  }
}
