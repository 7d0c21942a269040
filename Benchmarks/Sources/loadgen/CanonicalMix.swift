import Wire

/// The canonical load: 1,000 tenants by Zipf's law, three kinds, 50 operations, signed storage.
struct CanonicalMix {
  /// Share of records that repeat an earlier key.
  let duplicatePercent: Int
  private var random: SplitMix64
  private let tenants = Zipf(count: 1_000)
  private let operations = Zipf(count: 50)

  init(seed: UInt64, duplicatePercent: Int) {
    random = SplitMix64(seed: seed)
    self.duplicatePercent = duplicatePercent
  }

  /// The next record; its time is relative, up to two seconds back.
  mutating func next() -> UsageRecord {
    let tenant = tenants.draw(&random)
    let operation = operations.draw(&random)
    let kind = UsageKind.allCases[Int.random(in: 0..<3, using: &random)]
    let range: ClosedRange<Int64>
    switch kind {
    case .traffic: range = 200...100_000
    case .compute: range = 1...50
    case .storage: range = -1_000_000...2_000_000
    }
    return UsageRecord(
      tenant: "tenant-\(tenant)", kind: kind, operation: "operation_\(operation)",
      contextType: .project, context: "project-\(tenant % 20)",
      time: Timestamp(milliseconds: Int64.random(in: 0...2_000, using: &random)),
      quantity: Int64.random(in: range, using: &random), key: .raw(0))
  }
}
