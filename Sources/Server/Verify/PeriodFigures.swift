internal import Metering
internal import Wire

/// The sums of one tenant's period, from which a finalized row of `billing_periods` is made.
///
/// - Parameter Operation: what tells operations apart.
struct PeriodFigures<Operation: Hashable & Sendable>: Sendable {
  private struct Place: Hashable {
    var operation: Operation
    var kind: UsageKind
    var isAdjustment: Bool
  }

  private var sums: [Place: UsageSums] = [:]

  /// Adds a row of the period. What a superuser wrote may be any number: it wraps instead of
  /// trapping.
  mutating func add(_ row: UsageSums, kind: UsageKind, operation: Operation, isAdjustment: Bool) {
    let place = Place(operation: operation, kind: kind, isAdjustment: isAdjustment)
    sums[place, default: UsageSums()].addWrapping(row)
  }

  /// The figures by name.
  ///
  /// - Parameters:
  ///   - opening: the stored bytes at the start of the period.
  ///   - operation: the name of an operation.
  func named(opening: Int128, _ operation: (Operation) -> String) -> [FigureName: String] {
    var figures: [FigureName: String] = [:]
    var records: Int64 = 0
    var level = opening
    for (isAdjustment, part) in [(false, "usage"), (true, "adjustments")] {
      var digest: UInt128 = 0
      var kinds: [UsageKind: UsageSums] = [:]
      for (place, row) in sums where place.isAdjustment == isAdjustment {
        kinds[place.kind, default: UsageSums()].addWrapping(row)
        row.name(
          [FigureName.operationTotals, part, place.kind.name, operation(place.operation)],
          in: &figures)
      }
      for (kind, row) in kinds {
        row.name(["totals", part, kind.name], in: &figures)
        records &+= row.count
        digest &+= row.digest
        if kind == .storage { level &+= row.quantity }
      }
      figures[FigureName(isAdjustment ? "adjustments_digest" : "digest")] = "\(digest)"
    }
    figures[FigureName("opening_level")] = "\(opening)"
    figures[FigureName("closing_level")] = "\(level)"
    figures[FigureName("records")] = "\(records)"
    return figures
  }
}

extension UsageSums {
  fileprivate mutating func addWrapping(_ other: UsageSums) {
    count &+= other.count
    quantity &+= other.quantity
    weighted &+= other.weighted
    byteMilliseconds &+= other.byteMilliseconds
    digest &+= other.digest
  }

  /// Names those sums that stand in `totals` and `operation_totals`.
  fileprivate func name(_ path: [String], in figures: inout [FigureName: String]) {
    figures[FigureName(path + ["records"])] = "\(count)"
    figures[FigureName(path + ["quantity"])] = "\(quantity)"
    figures[FigureName(path + ["weighted"])] = "\(weighted)"
    figures[FigureName(path + ["byte_milliseconds"])] = "\(byteMilliseconds)"
  }
}
