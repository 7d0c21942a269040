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

  @Test func timesAreTextOrMilliseconds() {
    #expect(time("2026-01-31T23:59:59.999Z") == 1_769_903_999_999)
    #expect(time("2026-01-31 18:29:59-0530") == 1_769_903_999_000)
    #expect(time("0") == 0 && time("253402300799999") == Timestamp.latest.milliseconds)
    for text in ["", "2026-01-31", "2026-01-31T23:59:59", "-1", "253402300800000", "1.5"] {
      #expect(time(text) == nil, "\(text)")
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
