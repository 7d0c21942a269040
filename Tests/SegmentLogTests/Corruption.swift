import Bytes
import SegmentLog
import Testing

/// A named corruption of ``SampleLog`` and its exact outcome.
struct Corruption: Sendable, CustomTestStringConvertible {
  /// What is left, and what a start does about it.
  enum Outcome: Sendable, Equatable {
    case intact(blocks: Int)
    case torn(SegmentError.Fault, blocks: Int)
    case damaged(SegmentError.Fault, blocks: Int)
  }

  var name: String
  var corrupt: @Sendable (inout [UInt8], SampleLog) -> Void
  /// Without a mark.
  var unmarked: Outcome
  /// With the mark behind the last block.
  var marked: Outcome

  var testDescription: String { name }

  init(
    _ name: String, unmarked: Outcome, marked: Outcome,
    corrupt: @escaping @Sendable (inout [UInt8], SampleLog) -> Void
  ) {
    self.name = name
    self.unmarked = unmarked
    self.marked = marked
    self.corrupt = corrupt
  }

  /// A corruption whose outcome does not depend on the mark.
  init(
    _ name: String, always outcome: Outcome,
    corrupt: @escaping @Sendable (inout [UInt8], SampleLog) -> Void
  ) {
    self.init(name, unmarked: outcome, marked: outcome, corrupt: corrupt)
  }
}

extension [UInt8] {
  /// Overwrites bytes with a little-endian integer.
  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<(Value.bitWidth / 8) {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
    }
  }

  /// Gives the block that runs from an offset to the end a right checksum.
  mutating func resealBlock(at offset: Int) {
    set(XXH64.hash(Array(self[(offset + 16)...]).rawSpan), at: offset + 8)
  }

  /// Gives the segment header a right checksum.
  mutating func resealHeader() {
    set(XXH64.hash(Array(self[..<72]).rawSpan), at: 72)
  }
}
