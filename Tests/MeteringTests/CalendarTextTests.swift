import Metering
import Testing
import Wire

@Suite("Calendar: text")
struct CalendarTextTests {
  @Test("Every period's text reads back")
  func periods() throws {
    for month in 0...BillingPeriod.latest.month {
      let period = BillingPeriod(month: month)
      #expect(try BillingPeriod(parsing: period.text) == period)
    }
    #expect(BillingPeriod(month: 672).text == "2026-01")
    #expect(BillingPeriod.latest.text == "9999-12")
  }

  @Test(
    "What is not a period is refused",
    arguments: [
      "", "2026", "2026-1", "2026-00", "2026-13", "1969-12", "0000-01", "10000-01", "2026-01 ",
      " 2026-01", "2026/01", "2026-01-01", "+026-01", "２０２６-01", "2026-0x",
    ])
  func badPeriods(_ text: String) {
    #expect(throws: CalendarError.notABillingPeriod(text)) { try BillingPeriod(parsing: text) }
  }

  @Test("An hour's text must be the start of an hour")
  func hours() throws {
    #expect(try Hour(parsing: "2026-01-05T14:00:00Z").text == "2026-01-05T14:00:00Z")
    #expect(try Hour(parsing: "2026-01-05T16:00:00+02:00").text == "2026-01-05T14:00:00Z")
    for text in ["2026-01-05T14:00:00.001Z", "2026-01-05T14:30:00Z", "2026-01-05T14:00:00+00:30"] {
      #expect(throws: CalendarError.notAnHour(text)) { try Hour(parsing: text) }
    }
    #expect(throws: CalendarError.notATimestamp("2026-01-05T14")) {
      try Hour(parsing: "2026-01-05T14")
    }
  }
}
