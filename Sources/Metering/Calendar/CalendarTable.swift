import Wire

/// A tenant's calendar from a period on.
public struct CalendarEntry: Sendable, Hashable {
  /// The tenant's name, 1 to 255 bytes of UTF-8.
  public var tenant: String
  /// The first period that follows this calendar.
  public var from: BillingPeriod
  /// The calendar.
  public var calendar: PeriodCalendar

  /// A tenant's calendar from a period on.
  public init(tenant: String, from: BillingPeriod, calendar: PeriodCalendar) {
    self.tenant = tenant
    self.from = from
    self.calendar = calendar
  }
}

/// Why a list of calendars is not a calendar table.
public enum CalendarTableError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name is empty, longer than 255 bytes, or contains U+0000; no tenant could have it.
  case tenantInvalid(tenant: String)
  /// Two calendars of one tenant begin with the same period.
  case duplicate(tenant: String, from: BillingPeriod)
  /// The period before a change would have no hours.
  case emptyPeriod(tenant: String, BillingPeriod)

  /// What is wrong with which entry.
  public var description: String {
    switch self {
    case .tenantInvalid(let tenant):
      "calendar of \"\(tenant)\": the name must have 1 to 255 bytes and no U+0000"
    case .duplicate(let tenant, let from):
      "calendar of \"\(tenant)\" is given twice from \(from.text)"
    case .emptyPeriod(let tenant, let period):
      "calendar of \"\(tenant)\": with the change after it, period \(period.text) would have no "
        + "hours; let the new calendar begin with a later day or another month"
    }
  }
}

/// The calendars of all tenants, from configuration. Who is not listed has calendar months in UTC,
/// and so has who is listed before the first entry.
///
/// A period begins by the calendar in force for it and ends where the next one begins. So the
/// periods of a tenant join without a gap, whatever changes: the period before a change is shorter
/// or longer.
public struct CalendarTable: Sendable, Hashable {
  /// The entries in ascending order of the name's bytes, then of the period.
  public let entries: [CalendarEntry]

  /// Calendar months in UTC for everyone.
  public static let empty = CalendarTable()

  private init() { entries = [] }

  /// A table of these calendars, given in any order. O(n log n).
  ///
  /// - Throws: ``CalendarTableError`` for the first entry that cannot be taken.
  public init(entries: [CalendarEntry]) throws(CalendarTableError) {
    for entry in entries {
      let bytes = entry.tenant.utf8
      guard (1...255).contains(bytes.count), !bytes.contains(0) else {
        throw .tenantInvalid(tenant: entry.tenant)
      }
    }
    self.entries = entries.sorted { left, right in
      left.tenant.utf8.elementsEqual(right.tenant.utf8)
        ? left.from < right.from
        : left.tenant.utf8.lexicographicallyPrecedes(right.tenant.utf8)
    }
    for (index, entry) in self.entries.enumerated() {
      if index > 0 {
        let before = self.entries[index - 1]
        guard !before.tenant.utf8.elementsEqual(entry.tenant.utf8) || before.from < entry.from
        else { throw .duplicate(tenant: entry.tenant, from: entry.from) }
      }
      guard let previous = entry.from.previous else { continue }
      let schedule = schedule(of: entry.tenant)
      guard schedule.start(of: previous) < schedule.start(of: entry.from) else {
        throw .emptyPeriod(tenant: entry.tenant, previous)
      }
    }
  }

  /// The calendars of one tenant. O(log n).
  public func schedule(of tenant: String) -> CalendarSchedule {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].tenant.utf8.lexicographicallyPrecedes(tenant.utf8) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    var end = low
    while end < entries.count, entries[end].tenant.utf8.elementsEqual(tenant.utf8) { end += 1 }
    return CalendarSchedule(entries: entries[low..<end])
  }
}

/// The calendars of one tenant, in the order in which they are in force.
public struct CalendarSchedule: Sendable, Hashable {
  let entries: ArraySlice<CalendarEntry>

  /// The first hour of a period. O(changes).
  public func start(of period: BillingPeriod) -> Hour {
    (entries.last { $0.from <= period }?.calendar ?? .months).start(of: period)
  }

  /// The hours of a period. O(changes).
  public func bounds(of period: BillingPeriod) -> PeriodBounds {
    let end = period.next.map { start(of: $0) } ?? BillingPeriod.latest.endHour
    return PeriodBounds(period: period, start: start(of: period), end: end)
  }

  /// The period that holds an hour; one before the first period or after the last gets that one.
  /// O(changes).
  public func period(containing hour: Hour) -> PeriodBounds {
    // The start of a period is at most a month and a half away from that of its month.
    var period = BillingPeriod(containing: hour)
    while hour < start(of: period), let previous = period.previous { period = previous }
    while let next = period.next, hour >= start(of: next) { period = next }
    return bounds(of: period)
  }
}
