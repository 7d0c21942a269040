import Foundation
import SeededRandom
import Testing
import Wire

@Suite("Calendar: times as text")
struct TimestampTextTests {
  private func accessLog(_ text: String) -> Int64? {
    Timestamp(accessLog: text.utf8Span.span)?.milliseconds
  }

  @Test("Known times are written and read")
  func knownTimes() {
    let known: [(Int64, String)] = [
      (0, "1970-01-01T00:00:00Z"),
      (1_767_621_600_000, "2026-01-05T14:00:00Z"),
      (1_767_621_600_250, "2026-01-05T14:00:00.250Z"),
      (951_782_400_001, "2000-02-29T00:00:00.001Z"),
      (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ]
    for (milliseconds, text) in known {
      #expect(Timestamp(milliseconds: milliseconds).text == text)
      #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
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

  @Test(
    "Forms, offsets and fractions",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1),
      ("1970-01-01t00:00:00z", 0), ("1970-01-01 00:00:00Z", 0),
      ("1969-12-31T19:00:00-05:00", 0), ("1969-12-31T23:00:00-01:00", 0),
      ("2026-01-05T14:00:00-00:00", 1_767_621_600_000),
      ("2026-01-05T16:00:00+02:00", 1_767_621_600_000),
      ("2026-01-06T13:59:00+23:59", 1_767_621_600_000),
      ("2026-01-05T14:00:00.05Z", 1_767_621_600_050),
      ("2026-01-31T23:59:59.999Z", 1_769_903_999_999),
      ("2026-02-01T01:59:59.9+02:00", 1_769_903_999_900),
      ("2026-01-31T18:29:59-0530", 1_769_903_999_000),
      ("2026-01-31T23:59:59.9999999999Z", 1_769_903_999_999),
      ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("2000-02-29T00:00:00Z", 951_782_400_000),
      ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ])
  func forms(text: String, milliseconds: Int64) {
    #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
  }

  @Test(
    "What is not a time is refused",
    arguments: [
      "", "Z", "2026-01-31", "2026-01-31T23:59:59", "2026-01-31T23:59Z", "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
      "2026-01-31T24:00:00Z", "2026-01-31T23:60:00Z", "2026-01-31T23:59:61Z",
      "2026-01-31T23:59:59.Z", "2026-01-05T14:00:00,5Z", "2026-01-31T23:59:59+24:00",
      "2026-01-31T23:59:59+02:60", "2026-01-31T23:59:59+02", "2026-01-31T23:59:59Zx",
      "2026-01-05T14:00:00Z ", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "+2026-01-05T14:00:00Z", "yesterday",
      "02026-01-31T23:59:59Z", "２０２６-01-31T23:59:59Z", "31/Jan/2026:23:59:59 +0000",
    ])
  func badTimes(_ text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  @Test("Times of access logs")
  func accessLogs() {
    #expect(accessLog("31/Jan/2026:23:59:59 +0000") == 1_769_903_999_000)
    #expect(accessLog("01/Feb/2026:01:59:59 +0200") == 1_769_903_999_000)
    #expect(accessLog("31/Dec/2016:23:59:60 +0000") == 1_483_228_800_000)
    for text in [
      "", "31/Jan/2026:23:59:59", "31/Foo/2026:23:59:59 +0000", "31/jan/2026:23:59:59 +0000",
      "31/Jan/2026 23:59:59 +0000", "30/Feb/2026:23:59:59 +0000", "31/Jan/1969:23:59:59 +0000",
      "31/Jan/2026:23:59:59 +0000 ", "31/Jan/2026:23:59:59 Z", "2026-01-31T23:59:59Z",
    ] {
      #expect(accessLog(text) == nil, "\(text)")
    }
  }

  @Test("Random times read back")
  func roundTrip() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let time = Timestamp(
        milliseconds: .random(in: 0...Timestamp.latest.milliseconds, using: &random))
      #expect(Timestamp(rfc3339: time.text) == time)
    }
  }

  @Test("Random times agree with Foundation")
  func foundation() throws {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    var random = SplitMix64(seed: 3)
    for _ in 0..<500 {
      let milliseconds = Int64.random(in: 0...Timestamp.latest.milliseconds, using: &random)
      let seconds = Double(milliseconds / 1_000) + Double(milliseconds % 1_000) / 1_000
      formatter.timeZone = TimeZone(secondsFromGMT: Int.random(in: -840...840, using: &random) * 60)
      let text = formatter.string(from: Date(timeIntervalSince1970: seconds))
      // The formatter goes through floating point and may miss by one millisecond.
      let found = try #require(Timestamp(rfc3339: text), "\(text)")
      #expect(abs(found.milliseconds - milliseconds) <= 1, "\(text)")
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
      if let time = Timestamp(rfc3339: damaged) {
        #expect((0...Timestamp.latest.milliseconds).contains(time.milliseconds))
      }
    }
  }
}
