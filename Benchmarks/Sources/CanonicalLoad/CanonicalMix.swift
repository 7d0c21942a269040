public import Wire

/// One record of the load, all but its key.
public struct RecordShape {
  /// Its tenant, from 0.
  public var tenant: Int
  /// Its kind.
  public var kind: UsageKind
  /// Its operation, from 0.
  public var operation: Int
  /// 1 to ``CanonicalMix/projectCount``, or 0 for no context.
  public var context: Int
  /// Milliseconds after the base time of its frame.
  public var delay: Int64
  /// In the unit of its kind.
  public var quantity: Int64
}

/// The canonical load: 1,000 tenants and 50 operations by Zipf's law, three kinds, signed storage,
/// a project on every third record.
public struct CanonicalMix {
  /// Tenants of the load.
  public static let tenantCount = 1_000
  /// Projects that usage is for.
  public static let projectCount = 20
  /// The longest delay of a record in its frame.
  public static let span: Int64 = 2_000

  private var random: SplitMix64
  private let tenants = Zipf(count: tenantCount)
  private let operations = Zipf(count: operationNames.count)
  /// The next tenant, where each is to have its turn.
  private var turn: Int?

  /// The mix that belongs to a number.
  ///
  /// - Parameter eachTenant: whether tenants come one after the other, not by Zipf's law.
  public init(seed: UInt64, eachTenant: Bool = false) {
    random = SplitMix64(seed: seed)
    turn = eachTenant ? 0 : nil
  }

  private mutating func nextTenant() -> Int {
    guard let turn else { return tenants.draw(&random) }
    self.turn = (turn + 1) % Self.tenantCount
    return turn
  }

  /// The next record.
  public mutating func next() -> RecordShape {
    let kind = UsageKind.allCases[Int.random(in: 0..<3, using: &random)]
    let range: ClosedRange<Int64>
    switch kind {
    case .traffic: range = 200...100_000
    case .compute: range = 1...50
    case .storage: range = -1_000_000...2_000_000
    }
    return RecordShape(
      tenant: nextTenant(), kind: kind, operation: operations.draw(&random),
      context: Int.random(in: 0..<3, using: &random) > 0
        ? 0 : Int.random(in: 1...Self.projectCount, using: &random),
      delay: Int64.random(in: 0...Self.span, using: &random),
      quantity: Int64.random(in: range, using: &random))
  }

  /// The name of a tenant, from 0.
  public static func tenantName(_ number: Int) -> String { "tenant-\(number)" }
  /// The name of a project, from 1.
  public static func projectName(_ number: Int) -> String { "project-\(number)" }

  /// 50 operations, as the sample configuration names them.
  public static let operationNames = ["task", "project", "comment", "report", "search"].flatMap {
    noun in
    [
      "read", "list", "create", "update", "delete", "archive", "export", "import", "assign",
      "move",
    ].map { "\(noun)_\($0)" }
  }
}
