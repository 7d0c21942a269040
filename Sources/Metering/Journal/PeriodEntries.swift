import SegmentLog
import Wire

extension PeriodFinalization {
  func encode(into writer: inout EntryWriter) {
    writer.text(tenant)
    writer.signed(Int64(bounds.period.month))
    writer.signed(Int64(bounds.start.index))
    writer.signed(Int64(bounds.end.index))
    writer.signed(time.milliseconds)
    writer.text(operatorName)
    writer.byte(run == nil ? 0 : 1)
    if let run { writer.signed(run) }
    writer.byte(acceptance == nil ? 0 : 1)
    if let acceptance { writer.varint(acceptance.rawValue) }
  }

  init(from reader: inout EntryReader, at position: LogPosition) throws(JournalError) {
    let tenant = try reader.text("the tenant")
    let period = try reader.period("the period")
    let start = try reader.hour("the period's first hour")
    let end = try reader.hour("the hour after the period")
    guard start < end else {
      throw reader.failure("a period from \(start.text) to \(end.text)")
    }
    let time = try reader.timestamp()
    let operatorName = try reader.text("the operator")
    let run = try reader.flag() ? try reader.signed() : nil
    let acceptance = try reader.flag() ? LogPosition(try reader.varint()) : nil
    self.init(
      tenant: tenant, bounds: PeriodBounds(period: period, start: start, end: end), time: time,
      operatorName: operatorName, run: run, acceptance: acceptance, position: position)
  }

  /// An entry of an older version, whose period is a calendar month in UTC.
  init(fromMonth reader: inout EntryReader, at position: LogPosition) throws(JournalError) {
    let tenant = try reader.text("the tenant")
    let period = try reader.period("the period")
    let time = try reader.timestamp()
    self.init(
      tenant: tenant, bounds: PeriodBounds(monthOf: period), time: time,
      operatorName: try reader.text("the operator"), position: position)
  }
}

extension GapAcceptance {
  func encode(into writer: inout EntryWriter) {
    writer.varint(UInt64(gaps.count))
    for gap in gaps {
      writer.text(gap.source.name)
      writer.word(gap.source.epoch)
      writer.ranges(gap.missing)
    }
    writer.text(reason)
    writer.text(operatorName)
    writer.signed(time.milliseconds)
  }

  init(from reader: inout EntryReader, at position: LogPosition) throws(JournalError) {
    var gaps: [AcceptedGaps] = []
    for _ in 0..<(try reader.count("sources with gaps")) {
      let name = try reader.text("a source")
      let source = SourceIdentity(name: name, epoch: try reader.word())
      gaps.append(AcceptedGaps(source: source, missing: try reader.ranges("gaps")))
    }
    let reason = try reader.text("the reason")
    let operatorName = try reader.text("the operator")
    self.init(
      gaps: gaps, reason: reason, operatorName: operatorName, time: try reader.timestamp(),
      position: position)
  }
}

extension CalendarTable {
  func encode(into writer: inout EntryWriter) {
    writer.varint(UInt64(entries.count))
    for entry in entries {
      writer.text(entry.tenant)
      writer.signed(Int64(entry.from.month))
      writer.byte(UInt8(truncatingIfNeeded: entry.calendar.anchorDay))
      writer.signed(Int64(entry.calendar.offsetHours))
    }
  }

  init(from reader: inout EntryReader) throws(JournalError) {
    var entries: [CalendarEntry] = []
    for _ in 0..<(try reader.count("calendars")) {
      let tenant = try reader.text("a calendar's tenant")
      let from = try reader.period("a calendar's first period")
      let anchor = Int(try reader.byte())
      let offset = try reader.signed32("a calendar's offset")
      guard let calendar = PeriodCalendar(anchorDay: anchor, offsetHours: Int(offset)) else {
        throw reader.failure("a calendar from day \(anchor) with \(offset) hours")
      }
      entries.append(CalendarEntry(tenant: tenant, from: from, calendar: calendar))
    }
    do throws(CalendarTableError) {
      try self.init(entries: entries)
    } catch {
      throw reader.failure("\(error)")
    }
  }
}

extension EntryWriter {
  /// Ranges in ascending order, as distances.
  mutating func ranges(_ ranges: [ClosedRange<UInt64>]) {
    varint(UInt64(ranges.count))
    var end: UInt64 = 0
    for range in ranges {
      varint(range.lowerBound - end)
      varint(range.upperBound - range.lowerBound)
      end = range.upperBound
    }
  }

  /// Numbers in ascending order, as distances.
  mutating func ascending(_ numbers: [UInt64]) {
    varint(UInt64(numbers.count))
    var last: UInt64 = 0
    for number in numbers {
      varint(number - last)
      last = number
    }
  }
}

extension EntryReader {
  /// Ranges in ascending order that do not touch.
  mutating func ranges(_ what: String) throws(JournalError) -> [ClosedRange<UInt64>] {
    var ranges: [ClosedRange<UInt64>] = []
    var end: UInt64 = 0
    for _ in 0..<(try count(what)) {
      let distance = try varint()
      let length = try varint()
      let (lower, isTooHigh) = end.addingReportingOverflow(distance)
      let (upper, isTooLong) = lower.addingReportingOverflow(length)
      guard !isTooHigh, !isTooLong, distance >= (ranges.isEmpty ? 1 : 2) else {
        throw failure("\(what): a range \(distance) behind \(end), \(length) long")
      }
      ranges.append(lower...upper)
      end = upper
    }
    return ranges
  }

  /// Numbers in ascending order, each once; none is 0 but the first.
  mutating func ascending(_ what: String) throws(JournalError) -> [UInt64] {
    var numbers: [UInt64] = []
    var last: UInt64 = 0
    for _ in 0..<(try count(what)) {
      let distance = try varint()
      let (number, isTooHigh) = last.addingReportingOverflow(distance)
      guard !isTooHigh, distance > 0 || numbers.isEmpty else {
        throw failure("\(what): a number \(distance) behind \(last)")
      }
      numbers.append(number)
      last = number
    }
    return numbers
  }
}
