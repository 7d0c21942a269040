import Histogram

/// Latencies, right to 1 %.
struct LatencyHistogram {
  private var histogram = Histogram<UInt64>(
    highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .two)

  /// Notes a latency in nanoseconds; what is over ten minutes counts as that.
  mutating func record(_ nanoseconds: Int64, count: Int64 = 1) {
    guard count > 0 else { return }
    let value = min(UInt64(clamping: nanoseconds), histogram.highestTrackableValue)
    histogram.record(value, count: UInt64(count))
  }

  var count: UInt64 { histogram.totalCount }

  /// The latency in milliseconds that this percentage of all is not above.
  func percentile(_ percentage: Double) -> Double {
    Double(histogram.valueAtPercentile(percentage)) / 1e6
  }

  /// The highest latency in milliseconds.
  var highest: Double { Double(histogram.max) / 1e6 }
}
