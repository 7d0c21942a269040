public import Wire

/// The weight of an operation from a date on: compute units that one unit of it counts for.
public struct WeightEntry: Sendable, Hashable {
  /// The name of the operation, 1 to 255 bytes of UTF-8.
  public var operation: String
  /// The weight, 0 to ``WeightTable/maximumWeight``.
  public var weight: Int64
  /// The first event time that has this weight.
  public var effectiveFrom: Timestamp

  /// The weight of an operation from a date on.
  public init(operation: String, weight: Int64, effectiveFrom: Timestamp) {
    self.operation = operation
    self.weight = weight
    self.effectiveFrom = effectiveFrom
  }
}

/// Why a list of weights is not a weight table.
public enum WeightError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name is empty, longer than 255 bytes, or contains U+0000; no record could have it.
  case operationInvalid(operation: String)
  /// The weight is outside 0 to ``WeightTable/maximumWeight``.
  case weightOutOfRange(operation: String, weight: Int64)
  /// Two entries of one operation begin at the same time.
  case duplicate(operation: String, effectiveFrom: Timestamp)

  /// What is wrong with which entry.
  public var description: String {
    switch self {
    case .operationInvalid(let operation):
      "weight of \"\(operation)\": the name must have 1 to 255 bytes and no U+0000"
    case .weightOutOfRange(let operation, let weight):
      "weight of \"\(operation)\" is \(weight), allowed are 0 to \(WeightTable.maximumWeight)"
    case .duplicate(let operation, let effectiveFrom):
      "weight of \"\(operation)\" is given twice from \(effectiveFrom.text)"
    }
  }
}
