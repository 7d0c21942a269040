/// Which runs are merged next: size-tiered, neighbours only.
struct MergePlan {
  /// How long a merged run may be, from its first to its last arrival, in milliseconds.
  let longestSpan: Int64
  /// How many runs of about the same size are merged into one.
  let fanIn: Int

  /// The places of runs to merge, the newest ones first looked at; nil if there are none.
  ///
  /// - Parameter headers: of all runs, the oldest one first.
  func next(_ headers: [RunHeader]) -> Range<Int>? {
    guard headers.count >= fanIn else { return nil }
    for end in stride(from: headers.count, through: fanIn, by: -1) {
      let range = end - fanIn..<end
      if isTier(headers[range]) { return range }
    }
    return nil
  }

  /// Whether runs are of about the same size, and short enough together.
  private func isTier(_ headers: ArraySlice<RunHeader>) -> Bool {
    guard let first = headers.first, let last = headers.last else { return false }
    let (span, overflow) = last.span.lastArrival.subtractingReportingOverflow(
      first.span.firstArrival)
    guard !overflow, span <= longestSpan else { return false }
    var (least, most) = (first.keyCount, first.keyCount)
    for header in headers {
      least = min(least, header.keyCount)
      most = max(most, header.keyCount)
    }
    return most / fanIn <= least
  }
}
