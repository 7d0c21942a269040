/// Integers of one width cut into planes: all lowest bytes, then all next bytes, and so on.
///
/// A plane in which every byte is the same is not stored; one byte stands for it. Layout in the
/// article <doc:SegmentFormat>.
enum BytePlanes {
  /// Appends values: the bit mask of stored planes, the bytes of the others, the stored planes.
  @inline(__always)
  static func append<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ values: Span<Word>, to output: inout [UInt8]
  ) {
    precondition(
      values.count <= BlockLimits.maximumEntryCount, "BUG: a column of \(values.count) values")
    let first = values.isEmpty ? 0 : values[0]
    var varying: Word = 0
    for index in values.indices { varying |= values[index] ^ first }
    var mask: UInt8 = 0
    for plane in 0..<Word.planes where UInt8(truncatingIfNeeded: varying >> (8 * plane)) != 0 {
      mask |= 1 << plane
    }
    output.append(mask)
    for plane in 0..<Word.planes where mask & 1 << plane == 0 {
      output.append(UInt8(truncatingIfNeeded: first >> (8 * plane)))
    }
    output.append(addingCapacity: mask.nonzeroBitCount * values.count) { free in
      unsafe free.withUnsafeMutableBufferPointer { buffer, initialized in
        for plane in 0..<Word.planes where mask & 1 << plane != 0 {
          let shift = Word(truncatingIfNeeded: 8 * plane)
          for index in values.indices {
            unsafe buffer[initialized &+ index] = UInt8(
              truncatingIfNeeded: values[unchecked: index] &>> shift)
          }
          initialized += values.count
        }
      }
    }
  }

  /// Appends the first `count` words of an array that is longer.
  static func append(firstOf words: [UInt64], count: Int, to output: inout [UInt8]) {
    append(words.span.extracting(0..<count), to: &output)
  }
}

extension FixedWidthInteger {
  /// Bytes of a value.
  @inline(__always)
  static var planes: Int { bitWidth / 8 }
}
