/// Latencies in buckets that grow by 1/32, so that a quantile is right to 3 %.
///
/// Source: the bucket scheme of HdrHistogram with five bits of precision.
struct LatencyHistogram {
  private var counts = [UInt64](repeating: 0, count: 64 * 32)
  private(set) var count: UInt64 = 0

  /// Notes a latency in nanoseconds.
  mutating func record(_ nanoseconds: Int64) {
    counts[Self.bucket(UInt64(clamping: nanoseconds))] += 1
    count += 1
  }

  /// The latency in milliseconds that this share of all is not above.
  func quantile(_ share: Double) -> Double {
    let wanted = UInt64((Double(count) * share).rounded(.up))
    var seen: UInt64 = 0
    for (bucket, number) in counts.enumerated() {
      seen += number
      if seen >= wanted, seen > 0 { return Double(Self.upperBound(bucket)) / 1e6 }
    }
    return 0
  }

  private static func bucket(_ value: UInt64) -> Int {
    guard value >= 32 else { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount - 5
    return (exponent + 1) * 32 + Int((value >> UInt64(exponent)) & 31)
  }

  private static func upperBound(_ bucket: Int) -> UInt64 {
    guard bucket >= 32 else { return UInt64(bucket) }
    let exponent = UInt64(bucket / 32 - 1)
    return (UInt64(32 + bucket % 32) + 1) << exponent
  }
}
