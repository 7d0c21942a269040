import Wire

extension [AcceptedGaps] {
  /// The first gaps of the first sources, as people read them.
  public var text: String {
    var parts = prefix(3).map { gap in
      let ranges = gap.missing.prefix(3).map { range in
        range.lowerBound == range.upperBound
          ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      }
      let more = gap.missing.count > 3 ? " and more" : ""
      return "\(ranges.joined(separator: ", "))\(more) of source \(gap.source.name), epoch "
        + "\(gap.source.epoch)"
    }
    if count > 3 { parts.append("and \(count - 3) more sources") }
    return parts.joined(separator: "; ")
  }
}
