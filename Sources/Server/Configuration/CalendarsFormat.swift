internal import Metering
internal import Wire
internal import Yams

/// Calendars of tenants: a mapping from the tenant to a calendar, or to a list of calendars with
/// the first period of each. Outside the configuration file it is written as one line of the same
/// YAML: `{acme: {day: 15, offset: 2}, globex: [{from: 2026-04, day: 1, offset: -5}]}`.
struct CalendarsFormat: SettingFormat {
  var type: String { "table" }

  var allowed: String {
    "a mapping from tenants to a calendar such as {day: 15, offset: 2}, or to a list such as "
      + "[{from: 2026-04, day: 15, offset: 2}]"
  }

  var shape: SettingShape { .table }

  func parse(
    _ text: String, relativeTo directory: String
  ) throws(SettingMismatch) -> CalendarTable {
    guard let root = try? Yams.compose(yaml: text), let mapping = root.mapping else {
      throw .notAllowed
    }
    var entries: [CalendarEntry] = []
    var faults: [SettingMismatch.Item] = []
    for (key, value) in mapping {
      guard let tenant = key.scalar?.string else {
        faults.append(.init(found: nil, reason: "the name of a tenant is not text"))
        continue
      }
      do throws(SettingMismatch) {
        let more = try Self.entries(of: tenant, from: value)
        // Alone, so that each tenant's fault is found.
        _ = try Self.table(more, of: tenant)
        entries += more
      } catch {
        faults += error.items
      }
    }
    guard faults.isEmpty else { throw SettingMismatch(items: faults) }
    return try Self.table(entries, of: nil)
  }

  func text(_ value: CalendarTable) -> String {
    var tenants: [(name: String, calendars: [String])] = []
    for entry in value.entries {
      if tenants.last.map({ !$0.name.utf8.elementsEqual(entry.tenant.utf8) }) ?? true {
        tenants.append((entry.tenant, []))
      }
      let (day, offset) = (entry.calendar.anchorDay, entry.calendar.offsetHours)
      tenants[tenants.count - 1].calendars.append(
        "{from: \(entry.from.text), day: \(day), offset: \(offset)}")
    }
    let texts = tenants.map { tenant in
      "\(JSONText.quoted(tenant.name)): [\(tenant.calendars.joined(separator: ", "))]"
    }
    return "{\(texts.joined(separator: ", "))}"
  }

  func summary(_ value: CalendarTable) -> String {
    let tenants = Set(value.entries.map { Array($0.tenant.utf8) }).count
    return "calendars of \(tenants) tenants"
  }

  private static func table(
    _ entries: [CalendarEntry], of tenant: String?
  ) throws(SettingMismatch) -> CalendarTable {
    do throws(CalendarTableError) {
      return try CalendarTable(entries: entries)
    } catch {
      throw SettingMismatch(items: [.init(place: tenant, found: "", reason: "\(error)")])
    }
  }

  /// The calendars of one tenant: one for all times, or a list with first periods.
  private static func entries(
    of tenant: String, from node: Node
  ) throws(SettingMismatch) -> [CalendarEntry] {
    if node.mapping != nil { return [try entry(of: tenant, from: node)] }
    guard let sequence = node.sequence, !sequence.isEmpty else {
      throw mismatch(
        tenant, node.scalar?.string, "it is neither {day, offset} nor a list of {from, day, offset}"
      )
    }
    return try sequence.map { (item) throws(SettingMismatch) in try entry(of: tenant, from: item) }
  }

  private static func entry(
    of tenant: String, from node: Node
  ) throws(SettingMismatch) -> CalendarEntry {
    guard let mapping = node.mapping else {
      throw mismatch(tenant, node.scalar?.string, "each item has the keys from, day and offset")
    }
    for (key, _) in mapping where !["from", "day", "offset"].contains(key.scalar?.string) {
      throw mismatch(
        tenant, key.scalar?.string, "a calendar has the keys from, day and offset, and no other")
    }
    func number(
      _ key: String, in range: ClosedRange<Int>, default value: Int
    ) throws(SettingMismatch)
      -> Int
    {
      guard let node = mapping[key] else { return value }
      guard let text = node.scalar?.string, let number = Int(text), range.contains(number) else {
        throw mismatch(
          tenant, node.scalar?.string,
          "\(key) is a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
    let day = try number("day", in: PeriodCalendar.anchorDays, default: 1)
    let offset = try number("offset", in: PeriodCalendar.offsets, default: 0)
    var from = BillingPeriod.earliest
    if let node = mapping["from"] {
      guard let text = node.scalar?.string, let period = try? BillingPeriod(parsing: text) else {
        throw mismatch(tenant, node.scalar?.string, "from is a month such as 2026-04")
      }
      from = period
    }
    guard let calendar = PeriodCalendar(anchorDay: day, offsetHours: offset) else {
      throw .notAllowed
    }
    return CalendarEntry(tenant: tenant, from: from, calendar: calendar)
  }

  private static func mismatch(
    _ tenant: String, _ found: String?, _ reason: String
  ) -> SettingMismatch {
    SettingMismatch(items: [.init(place: tenant, found: found ?? "", reason: reason)])
  }
}
