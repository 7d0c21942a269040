/// What became of the batches of a group in one partition, kept while other groups are judged.
public struct PartOutcomes: Sendable {
  /// What became of each batch.
  public internal(set) var outcomes: [BatchOutcome] = []
  /// Their exceptions, as ``Ledger/exceptions`` has them.
  public internal(set) var exceptions: [UInt8] = []
  /// What they miss, as ``Ledger/missing`` has it.
  public internal(set) var missing: [ClosedRange<UInt64>] = []

  /// Nothing.
  public init() {}

  /// Takes over what became of the last group of a ledger. Capacities are kept.
  public mutating func take(from ledger: borrowing Ledger) {
    removeAll()
    outcomes.append(contentsOf: ledger.outcomes)
    exceptions.append(contentsOf: ledger.exceptions)
    missing.append(contentsOf: ledger.missing)
  }

  mutating func removeAll() {
    outcomes.removeAll(keepingCapacity: true)
    exceptions.removeAll(keepingCapacity: true)
    missing.removeAll(keepingCapacity: true)
  }
}
