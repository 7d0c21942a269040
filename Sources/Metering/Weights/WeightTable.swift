internal import Wire

/// The weights of all operations by event time, from configuration.
///
/// An operation that is not listed has weight 1, and so has a listed one before its first date.
/// Names are compared byte by byte: no normalisation makes two spellings one operation.
public struct WeightTable: Sendable, Hashable {
  /// The largest weight. With it 2⁴⁴ records of the largest quantity fit into a 128-bit sum.
  public static let maximumWeight: Int64 = 1_000_000

  /// The entries in ascending order of the name's bytes, then of the date.
  public let entries: [WeightEntry]

  /// The operations in ascending order of their bytes.
  private let operations: [Operation]

  private struct Operation: Sendable, Hashable {
    var name: [UInt8]
    /// Place of its entries in `entries`.
    var range: Range<Int>
  }

  /// No weights: every operation has weight 1.
  public static let empty = WeightTable()

  private init() {
    entries = []
    operations = []
  }

  /// A table of these weights, given in any order. O(n log n).
  ///
  /// - Throws: ``WeightError`` for the first entry that cannot be taken.
  public init(entries: [WeightEntry]) throws(WeightError) {
    for entry in entries {
      let bytes = entry.operation.utf8
      guard (1...255).contains(bytes.count), !bytes.contains(0) else {
        throw .operationInvalid(operation: entry.operation)
      }
      guard (0...WeightTable.maximumWeight).contains(entry.weight) else {
        throw .weightOutOfRange(operation: entry.operation, weight: entry.weight)
      }
    }
    let named = entries.map { (name: Array($0.operation.utf8), entry: $0) }
      .sorted { left, right in
        if left.name != right.name { return left.name.lexicographicallyPrecedes(right.name) }
        return left.entry.effectiveFrom < right.entry.effectiveFrom
      }
    var operations: [Operation] = []
    for (index, (name, entry)) in named.enumerated() {
      guard let last = operations.last, last.name == name else {
        operations.append(Operation(name: name, range: index..<index + 1))
        continue
      }
      guard named[index - 1].entry.effectiveFrom < entry.effectiveFrom else {
        throw .duplicate(operation: entry.operation, effectiveFrom: entry.effectiveFrom)
      }
      operations[operations.count - 1].range = last.range.lowerBound..<index + 1
    }
    self.entries = named.map(\.entry)
    self.operations = operations
  }

  /// The schedule of an operation, for ``weight(in:at:)`` of this same table. O(log n).
  ///
  /// - Parameter name: the bytes of the operation's name.
  public func schedule(forOperation name: RawSpan) -> WeightSchedule {
    var low = 0
    var high = operations.count
    while low < high {
      let middle = (low + high) / 2
      if WeightTable.precedes(operations[middle].name, name) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < operations.count, WeightTable.isEqual(operations[low].name, name) else {
      return .one
    }
    let range = operations[low].range
    let newest = entries[range.upperBound - 1]
    return WeightSchedule(
      newestFrom: newest.effectiveFrom.milliseconds, newestWeight: newest.weight,
      firstEarlier: range.lowerBound, earlierCount: range.count - 1)
  }

  /// The schedule of an operation, for ``weight(in:at:)`` of this same table. O(log n).
  public func schedule(forOperation name: String) -> WeightSchedule {
    let bytes = Array(name.utf8)
    return unsafe schedule(forOperation: bytes.span.bytes)
  }

  /// The weight of an operation at an event time.
  ///
  /// O(1) from the newest date on, else O(log n) in the number of the operation's dates.
  ///
  /// - Parameters:
  ///   - schedule: a schedule that this table gave.
  ///   - time: the event time, milliseconds since 1970-01-01T00:00:00Z.
  @inline(__always)
  public func weight(in schedule: WeightSchedule, at time: Int64) -> Int64 {
    if time >= schedule.newestFrom { return schedule.newestWeight }
    return schedule.earlierCount == 0 ? 1 : earlierWeight(in: schedule, at: time)
  }

  @inline(never)
  private func earlierWeight(in schedule: WeightSchedule, at time: Int64) -> Int64 {
    var low = schedule.firstEarlier
    var high = low + schedule.earlierCount
    precondition(high < entries.count, "BUG: a weight schedule of another weight table")
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].effectiveFrom.milliseconds <= time {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low == schedule.firstEarlier ? 1 : entries[low - 1].weight
  }

  private static func precedes(_ left: [UInt8], _ right: RawSpan) -> Bool {
    for index in 0..<min(left.count, right.byteCount) {
      let byte = unsafe right.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      if left[index] != byte { return left[index] < byte }
    }
    return left.count < right.byteCount
  }

  private static func isEqual(_ left: [UInt8], _ right: RawSpan) -> Bool {
    guard left.count == right.byteCount else { return false }
    for index in 0..<left.count
    where unsafe left[index] != right.unsafeLoad(fromByteOffset: index, as: UInt8.self) {
      return false
    }
    return true
  }
}
