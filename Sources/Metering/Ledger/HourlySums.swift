import Wire

/// What records come to in each hour, by kind.
struct HourlySums: Sendable {
  typealias HourKind = SegmentSummary.HourKind
  typealias HourSums = SegmentSummary.HourSums

  private(set) var hours: [HourKind: HourSums] = [:]
  /// The last period that the records contribute to, nil without any.
  private(set) var lastPeriod: BillingPeriod?

  init() {}

  /// The sums that a log tells of a segment.
  init(_ segment: LoggedSegment) {
    for sum in segment.sums { hours[sum.place] = sum.sums }
    lastPeriod = segment.lastPeriod
  }

  /// Takes in records.
  mutating func add(_ records: borrowing UsageBlockRecords) {
    let (times, quantities) = (records.times.span, records.quantities.span)
    let flags = records.flags.span
    var next = 0
    while next < times.count {
      // As a rule the records of an hour stand together.
      let hour = Hour(containing: Timestamp(milliseconds: times[next]))
      let range = hour.start.milliseconds..<hour.end.milliseconds
      // One for each value of the mask.
      var sums = InlineArray<4, HourSums>(repeating: HourSums())
      repeat {
        let kind = Int(flags[next] & UsageFlags.kindMask)
        sums[kind].count += 1
        sums[kind].quantity += Int128(quantities[next])
        next += 1
      } while next < times.count && range.contains(times[next])
      for kind in UsageKind.allCases where sums[Int(kind.rawValue)].count != 0 {
        hours[HourKind(hour: hour, kind: kind), default: HourSums()] += sums[Int(kind.rawValue)]
      }
      note(BillingPeriod(containing: hour))
    }
    for booking in records.bookings { note(BillingPeriod(month: booking)) }
  }

  /// Takes in other sums.
  mutating func add(_ other: HourlySums) {
    for (place, sums) in other.hours { hours[place, default: HourSums()] += sums }
    if let period = other.lastPeriod { note(period) }
  }

  mutating func removeAll() {
    hours.removeAll(keepingCapacity: true)
    lastPeriod = nil
  }

  private mutating func note(_ period: BillingPeriod) {
    lastPeriod = max(lastPeriod ?? period, period)
  }
}

extension SegmentSummary.HourSums {
  fileprivate static func += (left: inout Self, right: Self) {
    left.count += right.count
    left.quantity += right.quantity
  }
}
