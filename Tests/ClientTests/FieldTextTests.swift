import Foundation
import SeededRandom
import Testing
import Wire

@testable import Client

struct FieldTextTests {
  private func integer(_ text: String) -> Int64? {
    try? FieldText.integer(Array(text.utf8).span, field: "quantity")
  }

  private func time(_ text: String) -> Int64? {
    try? FieldText.time(Array(text.utf8).span, field: "time").milliseconds
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("9007199254740993", 9_007_199_254_740_993),
    ("9223372036854775807", Int64.max), ("-9223372036854775807", -Int64.max),
  ])
  func integers(text: String, value: Int64) {
    #expect(integer(text) == value)
  }

  @Test(arguments: [
    "", "-", "+1", "01", "-01", "00", "1.0", "1e3", "1E3", "0x10", " 1", "1 ", "1_000", "NaN",
    "--1", "9223372036854775808", "-9223372036854775808", "99999999999999999999", "1-", "١",
  ])
  func notIntegers(text: String) {
    #expect(integer(text) == nil)
  }

  @Test func randomIntegersAreExact() {
    var random = SplitMix64(seed: 2)
    for _ in 0..<2_000 {
      let value =
        Int64.random(in: -Int64.max...Int64.max, using: &random)
        >> Int64.random(in: 0...62, using: &random)
      #expect(integer(String(value)) == value)
    }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1),
    ("1970-01-01t00:00:00z", 0), ("1970-01-01 00:00:00Z", 0),
    ("2026-01-31T23:59:59.999Z", 1_769_903_999_999),
    ("2026-02-01T01:59:59.9+02:00", 1_769_903_999_900),
    ("2026-01-31T18:29:59-0530", 1_769_903_999_000),
    ("2026-01-31T23:59:59-00:00", 1_769_903_999_000),
    ("2026-01-31T23:59:59.9999999999Z", 1_769_903_999_999),
    ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("2000-02-29T00:00:00Z", 951_782_400_000),
    ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("0", 0),
    ("253402300799999", 253_402_300_799_999),
    ("1969-12-31T19:00:00-05:00", 0),
  ])
  func times(text: String, milliseconds: Int64) {
    #expect(time(text) == milliseconds)
  }

  @Test(arguments: [
    "", "2026-01-31", "2026-01-31T23:59:59", "2026-01-31T23:59Z", "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-31T24:00:00Z",
    "2026-01-31T23:60:00Z", "2026-01-31T23:59:61Z", "2026-01-31T23:59:59.Z",
    "2026-01-31T23:59:59+24:00", "2026-01-31T23:59:59+02:60", "2026-01-31T23:59:59+02",
    "2026-01-31T23:59:59Zx", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01", "-1",
    "253402300800000", "1.5", "yesterday", "02026-01-31T23:59:59Z",
  ])
  func notTimes(text: String) {
    #expect(time(text) == nil)
  }

  @Test func randomTimesAgreeWithFoundation() throws {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    var random = SplitMix64(seed: 3)
    for _ in 0..<500 {
      let milliseconds = Int64.random(in: 0...Timestamp.latest.milliseconds, using: &random)
      let seconds = Double(milliseconds / 1_000) + Double(milliseconds % 1_000) / 1_000
      formatter.timeZone = TimeZone(secondsFromGMT: Int.random(in: -840...840, using: &random) * 60)
      let text = formatter.string(from: Date(timeIntervalSince1970: seconds))
      // The formatter goes through floating point and may miss by one millisecond.
      let found = try #require(time(text), "\(text)")
      #expect(abs(found - milliseconds) <= 1, "\(text)")
    }
  }

  @Test func uuids() {
    let expected = (0..<16).reduce(UInt128(0)) { $0 | UInt128($1 * 17) << (8 * UInt128($1)) }
    for text in [
      "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-AABBCCDDEEFF",
    ] {
      #expect(FieldText.uuid(Array(text.utf8).span) == expected)
    }
    for text in [
      "", "0011223344556677-8899aabbccddeeff", "00112233445566778899aabbccddeef",
      "00112233445566778899aabbccddeeff0", "00112233-4455-6677-8899+AABBCCDDEEFF",
      "0011223g445566778899aabbccddeeff", "{00112233-4455-6677-8899-AABBCCDDEEFF}",
    ] {
      #expect(FieldText.uuid(Array(text.utf8).span) == nil, "\(text)")
    }
  }
}
