/// Which runs are merged next: neighbours, several at a time, none of which outweighs the others.
///
/// So a key's run at least doubles whenever the key is written again, and few runs are left
/// whatever the sizes of generations: of any ``fanIn`` neighbours one outweighs the others, or they
/// span too long.
struct MergePlan {
  /// How long a merged run may be, from its first to its last arrival, in milliseconds.
  let longestSpan: Int64
  /// How many runs are merged at least.
  let fanIn: Int

  /// The places of runs to merge, the newest and fewest that will do; nil if there are none.
  ///
  /// Complexity: O(runs²).
  ///
  /// - Parameter headers: of all runs, the oldest one first.
  func next(_ headers: [RunHeader]) -> Range<Int>? {
    guard headers.count >= fanIn else { return nil }
    for end in stride(from: headers.count, through: fanIn, by: -1) {
      var (total, largest) = (0, 0)
      for start in stride(from: end - 1, through: 0, by: -1) {
        guard isShort(headers[start], headers[end - 1]) else { break }
        total += headers[start].keyCount
        largest = max(largest, headers[start].keyCount)
        if end - start >= fanIn, largest <= total - largest { return start..<end }
      }
    }
    return nil
  }

  private func isShort(_ first: RunHeader, _ last: RunHeader) -> Bool {
    let (span, overflow) = last.span.lastArrival.subtractingReportingOverflow(
      first.span.firstArrival)
    return !overflow && span <= longestSpan
  }
}
