/// Why bytes are not an encoded ``SequenceSet``. Offsets count from the start of the span.
public enum SequenceSetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The bytes end inside a number that begins at this offset.
  case truncated(offset: Int)
  /// A number at this offset does not fit into 64 bits, or its range passes 2⁶⁴ − 1.
  case numberTooLarge(offset: Int)
  /// There are more ranges than the set may hold.
  case tooManyRanges(offset: Int, found: UInt64, allowed: Int)

  /// What is wrong, and where.
  public var description: String {
    switch self {
    case .truncated(let offset):
      "set of sequences: the number at offset \(offset) is cut off"
    case .numberTooLarge(let offset):
      "set of sequences: the number at offset \(offset) is too large"
    case .tooManyRanges(let offset, let found, let allowed):
      "set of sequences: \(found) ranges at offset \(offset), allowed are \(allowed)"
    }
  }
}

extension SequenceSet {
  /// Appends the set to bytes: the number of ranges, then for each range the distance of its lower
  /// bound from the lowest possible one and its length − 1, all as LEB128.
  ///
  /// The lowest possible bound is 0 for the first range and two above the end of the one before
  /// for the others, so that ranges that overlap or touch cannot be written.
  public func encode(into bytes: inout [UInt8]) {
    SequenceSet.appendVarint(UInt64(ranges.count), to: &bytes)
    var lowest: UInt64 = 0
    for range in ranges {
      SequenceSet.appendVarint(range.lowerBound - lowest, to: &bytes)
      SequenceSet.appendVarint(range.upperBound - range.lowerBound, to: &bytes)
      // Only the last range can end where this wraps.
      lowest = range.upperBound &+ 2
    }
  }

  /// Reads an encoded set.
  ///
  /// - Parameters:
  ///   - bytes: bytes that hold the set and maybe more.
  ///   - offset: where the set begins, from 0 to the number of bytes; set to where it ends.
  ///   - maximumRanges: the limit of the set, 1 or more.
  /// - Throws: ``SequenceSetError``; the offset is then unchanged.
  public init(
    decoding bytes: RawSpan, at offset: inout Int, maximumRanges: Int
  ) throws(SequenceSetError) {
    self.init(maximumRanges: maximumRanges)
    var place = offset
    let count = try SequenceSet.readVarint(bytes, at: &place)
    guard count <= UInt64(maximumRanges) else {
      throw .tooManyRanges(offset: offset, found: count, allowed: maximumRanges)
    }
    // A range takes two bytes at least: what is not there is not reserved for.
    ranges.reserveCapacity(min(Int(count), (bytes.byteCount - place) / 2))
    var lowest: UInt64? = 0
    for _ in 0..<count {
      let start = place
      let distance = try SequenceSet.readVarint(bytes, at: &place)
      let length = try SequenceSet.readVarint(bytes, at: &place)
      guard let low = lowest?.addingReportingOverflow(distance), !low.overflow else {
        throw .numberTooLarge(offset: start)
      }
      let high = low.partialValue.addingReportingOverflow(length)
      guard !high.overflow else { throw .numberTooLarge(offset: start) }
      ranges.append(low.partialValue...high.partialValue)
      let next = high.partialValue.addingReportingOverflow(2)
      lowest = next.overflow ? nil : next.partialValue
    }
    offset = place
  }

  private static func appendVarint(_ number: UInt64, to bytes: inout [UInt8]) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  private static func readVarint(
    _ bytes: RawSpan, at offset: inout Int
  ) throws(SequenceSetError) -> UInt64 {
    let start = offset
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard offset >= 0, offset < bytes.byteCount else { throw .truncated(offset: start) }
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      offset += 1
      // The tenth byte holds the one bit that is left.
      guard shift < 63 || byte <= 1 else { throw .numberTooLarge(offset: start) }
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
  }
}
