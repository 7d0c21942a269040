import Wire

/// What records come to in each hour, by kind.
struct HourlySums: Sendable {
  typealias HourKind = SegmentSummary.HourKind
  typealias HourSums = SegmentSummary.HourSums

  private(set) var hours: [HourKind: HourSums] = [:]
  /// The last hour that the records count in or are booked in, nil without any.
  private(set) var lastHour: Hour?

  init() {}

  /// The sums that a log tells of a segment.
  init(_ segment: LoggedSegment) {
    for sum in segment.sums { hours[sum.place] = sum.sums }
    lastHour = segment.lastHour
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
      note(hour)
    }
    for booking in records.bookings { note(Hour(index: booking)) }
  }

  /// Takes in a record that counts, or with a count of −1 one that no longer does.
  mutating func add(_ booked: BookedRecord, count: Int64) {
    let hour = Hour(containing: booked.record.time)
    let place = HourKind(hour: hour, kind: booked.record.kind)
    hours[place, default: HourSums()] += HourSums(
      count: count, quantity: Int128(booked.record.quantity) * Int128(count))
    note(hour)
    if let booking = booked.bookingStart { note(booking) }
  }

  /// Takes in other sums.
  mutating func add(_ other: HourlySums) {
    for (place, sums) in other.hours { hours[place, default: HourSums()] += sums }
    if let hour = other.lastHour { note(hour) }
  }

  mutating func removeAll() {
    hours.removeAll(keepingCapacity: true)
    lastHour = nil
  }

  private mutating func note(_ hour: Hour) { lastHour = max(lastHour ?? hour, hour) }
}

extension SegmentSummary.HourSums {
  fileprivate static func += (left: inout Self, right: Self) {
    left.count += right.count
    left.quantity += right.quantity
  }
}
