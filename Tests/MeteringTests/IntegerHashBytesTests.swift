import Testing

@testable import Metering

@Suite("The hash of names")
struct IntegerHashBytesTests {
  private let hash = IntegerHash(seed: 42)

  private func word(_ bytes: [UInt8], _ hash: IntegerHash) -> UInt64 { hash(bytes.span.raw) }

  @Test("Every length up to 80, every bit of it and the seed decide")
  func everyBitDecides() {
    var seen: Set<UInt64> = []
    var expected = 0
    for length in 0...80 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      seen.insert(word(bytes, hash))
      expected += 1
      #expect(word(bytes, hash) == word(bytes, IntegerHash(seed: 42)))
      #expect(word(bytes, hash) != word(bytes, IntegerHash(seed: 43)))
      for place in 0..<length {
        for bit in 0..<8 {
          var changed = bytes
          changed[place] ^= 1 << bit
          seen.insert(word(changed, hash))
          expected += 1
        }
      }
    }
    #expect(seen.count == expected)
  }

  @Test("Names that count up spread over both halves as evenly as chance")
  func countersSpread() {
    var high = [Int](repeating: 0, count: 64)
    var low = [Int](repeating: 0, count: 64)
    for number in 0..<64_000 {
      let value = word(Array("tenant-\(number)".utf8), hash)
      high[Int(value >> 58)] += 1
      low[Int(UInt32(truncatingIfNeeded: value) >> 26)] += 1
    }
    // 1,000 in each, with a standard deviation of 31.
    for count in high + low { #expect((840...1_160).contains(count)) }
  }
}
