import Metering
import SeededRandom
import Testing
import Wire

@Suite("Cron schedules")
struct CronTests {
  private func time(_ text: String) throws -> Timestamp {
    try #require(Timestamp(rfc3339: text))
  }

  @Test(
    "the next time",
    arguments: [
      ("* * * * *", "2026-01-31T23:59:59.999Z", "2026-02-01T00:00:00Z"),
      ("* * * * *", "2026-01-31T23:59:00Z", "2026-02-01T00:00:00Z"),
      ("17 3 * * *", "2026-01-01T03:16:59Z", "2026-01-01T03:17:00Z"),
      ("17 3 * * *", "2026-01-01T03:17:00Z", "2026-01-02T03:17:00Z"),
      ("@hourly", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"),
      ("@daily", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
      ("@weekly", "2026-11-21T12:00:00Z", "2026-11-22T00:00:00Z"),
      ("@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
      ("@YEARLY", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
      // 29 February: 2100 is no leap year.
      ("0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
      // 29 February on a Sunday, of which there is none from 2088 to 2128.
      ("0 0 29 2 */7", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"),
      // Both days restricted: either is enough. 2026-11-02 is a Monday.
      ("0 0 13 * mon", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
      ("0 0 13 * mon", "2026-11-09T00:00:00Z", "2026-11-13T00:00:00Z"),
      ("0 0 31 2 mon", "2026-02-24T00:00:00Z", "2027-02-01T00:00:00Z"),
      // A field that begins with * is not restricted: both must match.
      ("0 0 */2 * mon", "2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z"),
      ("30 9 * * mon-fri", "2026-11-20T10:00:00Z", "2026-11-23T09:30:00Z"),
      ("0 0 * * 7", "2026-11-21T12:00:00Z", "2026-11-22T00:00:00Z"),
      ("0 0 * * fri-sun", "2026-11-21T12:00:00Z", "2026-11-22T00:00:00Z"),
      ("0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
      ("  5,35\t*/6  1-10/3 Jan,JUL  * ", "2026-01-10T18:35:00Z", "2026-07-01T00:05:00Z"),
    ])
  func next(expression: String, after: String, expected: String) throws {
    let schedule = try CronSchedule(parsing: expression)
    #expect(schedule.next(after: try time(after))?.text == expected)
    #expect(try CronSchedule(parsing: schedule.text) == schedule)
  }

  @Test("after the end of time and before its beginning")
  func ends() throws {
    let schedule = try CronSchedule(parsing: "0 0 1 1 *")
    #expect(schedule.next(after: try time("9999-06-01T00:00:00Z")) == nil)
    #expect(schedule.next(after: .latest) == nil)
    #expect(schedule.next(after: Timestamp(milliseconds: -5))?.text == "1970-01-01T00:00:00Z")
    #expect(schedule.next(after: Timestamp(milliseconds: .min))?.text == "1970-01-01T00:00:00Z")
    #expect(schedule.next(after: Timestamp(milliseconds: 0))?.text == "1971-01-01T00:00:00Z")
  }

  @Test(
    "a broken expression is refused with its field",
    arguments: [
      ("", "found \"\"; allowed: five fields"), ("* * * *", "found \"* * * *\""),
      ("* * * * * *", "allowed: five fields"), ("@reboot", "@hourly, @daily"),
      ("@daily 1", "found \"@daily 1\""),
      ("60 * * * *", "minute: found \"60\"; allowed: *, or 0 to 59"),
      ("* 24 * * *", "hour: found \"24\""), ("* * 0 * *", "day of month: found \"0\""),
      ("* * 32 * *", "day of month: found \"32\""), ("* * * 0 *", "month: found \"0\""),
      ("* * * 13 *", "month: found \"13\"; allowed: *, or 1 to 12 or jan to dec"),
      ("* * * * 8", "day of week: found \"8\"; allowed: *, or 0 to 7 or sun to sat"),
      ("* * * mon *", "month: found \"mon\""), ("mon * * * *", "minute: found \"mon\""),
      ("5-1 * * * *", "minute: found \"5-1\""), ("* * * * sun-sat,fri-mon", "\"fri-mon\""),
      ("*/0 * * * *", "minute: found \"*/0\""), ("*/60 * * * *", "minute: found \"*/60\""),
      ("5/2 * * * *", "minute: found \"5/2\""), ("1,,2 * * * *", "minute: found \"1,,2\""),
      ("1, * * * *", "minute: found \"1,\""), ("-1 * * * *", "minute: found \"-1\""),
      ("1-2-3 * * * *", "minute: found \"1-2-3\""), ("+1 * * * *", "minute: found \"+1\""),
      ("*/1/2 * * * *", "minute: found \"*/1/2\""), ("** * * * *", "minute: found \"**\""),
      ("1.5 * * * *", "minute: found \"1.5\""), ("* * L * *", "day of month: found \"l\""),
      ("* * ? * *", "day of month: found \"?\""), ("*-5 * * * *", "minute: found \"*-5\""),
      ("٣ * * * *", "minute: found \"٣\""), ("001 * * * *", "minute: found \"001\""),
      ("0 0 31 2 *", "day of month: found \"31\" with month \"2\", a date that never comes"),
      ("0 0 30,31 feb */2", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"),
    ])
  func refused(expression: String, message: String) {
    let error = #expect(throws: CronError.self) { try CronSchedule(parsing: expression) }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains(message), "\(text)")
  }

  @Test("equals a walk over every minute", arguments: 0..<8 as Range<UInt64>)
  func model(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let limit = 20_000
    var found = 0
    for _ in 0..<60 {
      let model = CronModel(using: &random)
      if model.neverOccurs {
        #expect(throws: CronError.self, "\(model.text)") {
          try CronSchedule(parsing: model.text)
        }
        continue
      }
      let schedule = try CronSchedule(parsing: model.text)
      // 1970 to 2110, so that 2000 and 2100 are in it.
      let start = Timestamp(milliseconds: Int64.random(in: 0..<4_417_977_600_000, using: &random))
      guard let expected = model.next(after: start, limit: limit) else {
        let later = Timestamp(milliseconds: start.milliseconds + Int64(limit) * 60_000)
        let next = try #require(schedule.next(after: start))
        #expect(next == schedule.next(after: later), "\(model.text) after \(start.text)")
        #expect(model.next(after: Timestamp(milliseconds: next.milliseconds - 1), limit: 1) == next)
        continue
      }
      found += 1
      #expect(schedule.next(after: start) == expected, "\(model.text) after \(start.text)")
    }
    #expect(found > 10)
  }
}
