// Integers in files are little-endian. Offsets are the caller's: it has checked the length, and an
// offset outside the span is a bug that stops the process.

extension RawSpan {
  /// The little-endian integer at a byte offset inside the span.
  @inlinable
  @inline(__always)
  public func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: Value.Type = Value.self
  ) -> Value {
    Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type))
  }
}

extension [UInt8] {
  /// Appends an integer in little-endian order.
  @inlinable
  @inline(__always)
  public mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    append(addingCapacity: MemoryLayout<Value>.size) { free in
      for index in 0..<MemoryLayout<Value>.size {
        free.append(UInt8(truncatingIfNeeded: value >> Value(8 * index)))
      }
    }
  }

  /// Overwrites the bytes at an offset with an integer in little-endian order.
  @inlinable
  public mutating func set<Value: FixedWidthInteger>(littleEndian value: Value, at offset: Int) {
    for index in 0..<MemoryLayout<Value>.size {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
    }
  }

  /// Appends all bytes of a span.
  @inlinable
  public mutating func append(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}
