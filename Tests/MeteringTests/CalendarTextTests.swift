import Metering
import SeededRandom
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

  @Test("Known times")
  func knownTimes() throws {
    let known: [(Int64, String)] = [
      (0, "1970-01-01T00:00:00Z"),
      (1_767_621_600_000, "2026-01-05T14:00:00Z"),
      (1_767_621_600_250, "2026-01-05T14:00:00.250Z"),
      (951_782_400_001, "2000-02-29T00:00:00.001Z"),
      (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ]
    for (milliseconds, text) in known {
      #expect(Timestamp(milliseconds: milliseconds).text == text)
      #expect(try Timestamp(parsing: text).milliseconds == milliseconds)
    }
  }

  @Test("Times that have no form of RFC 3339 still have a text")
  func outOfRange() {
    #expect(Timestamp(milliseconds: -1).text == "1969-12-31T23:59:59.999Z")
    #expect(Timestamp(milliseconds: -62_167_219_200_000).text == "0000-01-01T00:00:00Z")
    #expect(Timestamp(milliseconds: -62_167_219_200_001).text == "-62167219200001 ms")
    #expect(Timestamp(milliseconds: .min).text == "-9223372036854775808 ms")
    #expect(Timestamp(milliseconds: .max).text == "9223372036854775807 ms")
  }

  @Test("Offsets and fractions name the same instant")
  func offsets() throws {
    let instant = 1_767_621_600_000 as Int64
    let texts = [
      "2026-01-05T14:00:00Z", "2026-01-05T14:00:00+00:00", "2026-01-05T14:00:00-00:00",
      "2026-01-05T16:00:00+02:00", "2026-01-05T08:30:00-05:30", "2026-01-06T13:59:00+23:59",
      "2026-01-05T14:00:00.0Z", "2026-01-05T14:00:00.00Z", "2026-01-05T14:00:00.000Z",
    ]
    for text in texts { #expect(try Timestamp(parsing: text).milliseconds == instant) }
    #expect(try Timestamp(parsing: "2026-01-05T14:00:00.2Z").milliseconds == instant + 200)
    #expect(try Timestamp(parsing: "2026-01-05T14:00:00.05Z").milliseconds == instant + 50)
    #expect(try Timestamp(parsing: "2026-01-05T16:00:00.007+02:00").milliseconds == instant + 7)
    #expect(try Timestamp(parsing: "1969-12-31T23:00:00-01:00").milliseconds == 0)
  }

  @Test(
    "What is not a time is refused",
    arguments: [
      "", "Z", "2026-01-05", "2026-01-05T14:00Z", "2026-01-05T14:00:00", "2026-01-05 14:00:00Z",
      "2026-01-05t14:00:00Z", "2026-01-05T14:00:00z", "2026-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z",
      "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-05T24:00:00Z",
      "2026-01-05T14:60:00Z", "2016-12-31T23:59:60Z", "2026-01-05T14:00:00.Z",
      "2026-01-05T14:00:00.0000Z", "2026-01-05T14:00:00+0200", "2026-01-05T14:00:00+24:00",
      "2026-01-05T14:00:00+02:60", "2026-01-05T14:00:00+02", "2026-01-05T14:00:00Zx",
      "2026-01-05T14:00:00Z ", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01", "+2026-01-05T14:00:00Z", "2026-01-05T14:00:00,5Z",
    ])
  func badTimes(_ text: String) {
    #expect(throws: CalendarError.notATimestamp(text)) { try Timestamp(parsing: text) }
  }

  @Test("Random times read back")
  func roundTrip() throws {
    var random = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let time = Timestamp(
        milliseconds: .random(in: 0...Timestamp.latest.milliseconds, using: &random))
      #expect(try Timestamp(parsing: time.text) == time)
      let hour = Hour(containing: time)
      #expect(try Hour(parsing: hour.text) == hour)
    }
  }

  @Test("Damaged texts are refused or read as some time, and never trap")
  func damagedTexts() {
    var random = SplitMix64(seed: 2)
    let alphabet = Array("0123456789-:TZ.+zt ×".unicodeScalars)
    for _ in 0..<50_000 {
      var text = Array("2026-01-05T14:00:00.250+02:00".unicodeScalars)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text[place] = alphabet.randomElement(using: &random) ?? "0"
        case 1: text.remove(at: place)
        default: text.removeSubrange(place...)
        }
        if text.isEmpty { text = ["Z"] }
      }
      var damaged = ""
      damaged.unicodeScalars.append(contentsOf: text)
      if let time = try? Timestamp(parsing: damaged) {
        #expect((0...Timestamp.latest.milliseconds).contains(time.milliseconds))
      }
    }
  }

  @Test("An hour's text must be the start of an hour")
  func hours() throws {
    #expect(try Hour(parsing: "2026-01-05T14:00:00Z").text == "2026-01-05T14:00:00Z")
    for text in ["2026-01-05T14:00:00.001Z", "2026-01-05T14:30:00Z", "2026-01-05T14:00:00+00:30"] {
      #expect(throws: CalendarError.notAnHour(text)) { try Hour(parsing: text) }
    }
    #expect(throws: CalendarError.notATimestamp("2026-01-05T14")) {
      try Hour(parsing: "2026-01-05T14")
    }
  }
}
