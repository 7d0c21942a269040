import CanonicalLoad

/// Compares what a run came to with what was sent.
enum ResultCheck {
  /// Differences that are named, at most.
  private static let limit = 10

  /// What differs in the answers.
  static func answers(_ result: LoadResult, expected: Expectation?) -> [String] {
    var differences: [String] = []
    if let failure = result.failure { differences.append(failure) }
    if result.ackedRecords != result.sentRecords {
      differences.append("\(result.sentRecords) records sent, \(result.ackedRecords) acked")
    }
    if result.wrongAnswers > 0 {
      differences.append("\(result.wrongAnswers) answers are wrong or have a wrong tag")
    }
    if let difference = expected?.difference(from: result.verdicts) {
      differences.append(difference)
    }
    return differences
  }

  /// What differs between Postgres and what was sent.
  static func totals(
    _ stored: [TenantKind: Totals], expected: [TenantKind: Totals]
  ) -> [String] {
    let subjects = Set(stored.keys).union(expected.keys).filter { stored[$0] != expected[$0] }
    return subjects.sorted { ($0.tenant, $0.kind) < ($1.tenant, $1.kind) }.prefix(limit).map {
      subject in
      let sent = expected[subject] ?? Totals()
      let found = stored[subject] ?? Totals()
      return "\(subject.tenant) \(subject.kind): sent \(sent.records) records of "
        + "\(sent.quantity), Postgres has \(found.records) of \(found.quantity)"
    }
  }
}
