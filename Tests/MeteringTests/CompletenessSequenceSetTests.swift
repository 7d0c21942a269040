import Metering
import SeededRandom
import Testing

@Suite("Sequence sets")
struct CompletenessSequenceSetTests {
  private static func gaps(
    of model: Set<UInt64>, upTo issued: UInt64
  ) -> [ClosedRange<UInt64>] {
    var gaps: [ClosedRange<UInt64>] = []
    for sequence in stride(from: 1, through: issued, by: 1) where !model.contains(sequence) {
      if let last = gaps.last, last.upperBound + 1 == sequence {
        gaps[gaps.count - 1] = last.lowerBound...sequence
      } else {
        gaps.append(sequence...sequence)
      }
    }
    return gaps
  }

  private static func expect(_ set: SequenceSet, is model: Set<UInt64>, issued: UInt64) {
    let gaps = gaps(of: model, upTo: issued)
    #expect(set.gaps(upTo: issued, limit: .max) == gaps)
    #expect(set.gaps(upTo: issued, limit: 2) == Array(gaps.prefix(2)))
    #expect(set.missingCount(upTo: issued) == gaps.reduce(0) { $0 + UInt64($1.count) })
    for issued in [0, 1, 2, set.highest, issued] {
      #expect(set.isComplete(upTo: issued) == set.gaps(upTo: issued, limit: 1).isEmpty)
    }
    #expect(set.highest == model.max() ?? 0)
    #expect(set.ranges.reduce(0) { $0 + $1.count } == model.count)
    for (left, right) in zip(set.ranges, set.ranges.dropFirst()) {
      #expect(left.upperBound + 1 < right.lowerBound)
    }
  }

  @Test("Every order of six sequences gives the same set")
  func everyOrder() {
    func visit(_ rest: [UInt64], _ set: SequenceSet, _ model: Set<UInt64>) {
      CompletenessSequenceSetTests.expect(set, is: model, issued: 8)
      for sequence in rest {
        var next = set
        #expect(next.insert(sequence) == .inserted)
        #expect(next.insert(sequence) == .present)
        visit(rest.filter { $0 != sequence }, next, model.union([sequence]))
      }
    }
    visit([1, 2, 3, 4, 6, 7], SequenceSet(maximumRanges: 6), [])
  }

  @Test("Random insertions agree with a set of integers, at the limit of ranges too")
  func model() {
    var random = SplitMix64(seed: 5)
    for limit in [1, 2, 5, 20, 1_000] {
      var set = SequenceSet(maximumRanges: limit)
      var model: Set<UInt64> = []
      for step in 0..<3_000 {
        let sequence = UInt64.random(in: 1...400, using: &random)
        let touches = model.contains(sequence - 1) || model.contains(sequence + 1)
        switch set.insert(sequence) {
        case .present: #expect(model.contains(sequence))
        case .inserted: #expect(model.insert(sequence).inserted)
        case .tooManyGaps:
          #expect(!model.contains(sequence) && !touches && set.ranges.count == limit)
        }
        #expect(set.ranges.count <= limit)
        for probe in sequence - 1...sequence + 1 {
          #expect(set.contains(probe) == model.contains(probe))
        }
        if step % 100 == 0 {
          CompletenessSequenceSetTests.expect(set, is: model, issued: 410)
          CompletenessSequenceSetTests.expectRoundTrip(set)
        }
      }
    }
  }

  @Test("The largest sequences do not overflow")
  func extremes() {
    var set = SequenceSet(maximumRanges: 4)
    #expect(set.missingCount(upTo: .max) == .max)
    #expect(set.gaps(upTo: .max, limit: 3) == [1...UInt64.max])
    #expect(set.gaps(upTo: 0, limit: 3) == [])
    #expect(set.insert(.max) == .inserted)
    #expect(set.insert(.max) == .present)
    #expect(set.insert(.max - 1) == .inserted)
    #expect(set.insert(.max - 3) == .inserted)
    #expect(set.insert(0) == .inserted)
    #expect(set.contains(0) && set.contains(.max) && !set.contains(.max - 2))
    #expect(set.gaps(upTo: .max, limit: 9) == [1...(UInt64.max - 4), (.max - 2)...(.max - 2)])
    #expect(set.missingCount(upTo: .max) == UInt64.max - 3)
    #expect(set.highest == .max)
    CompletenessSequenceSetTests.expectRoundTrip(set)
  }

  private static func expectRoundTrip(_ set: SequenceSet) {
    var bytes: [UInt8] = [0xFF, 0xFF]
    set.encode(into: &bytes)
    bytes.append(0xAA)
    var offset = 2
    let decoded = unsafe try? SequenceSet(
      decoding: bytes.span.bytes, at: &offset, maximumRanges: set.maximumRanges)
    #expect(decoded == set)
    #expect(offset == bytes.count - 1)
  }

  private static func failure(of bytes: [UInt8], maximumRanges: Int = 4) -> SequenceSetError? {
    var offset = 0
    do {
      _ = unsafe try SequenceSet(
        decoding: bytes.span.bytes, at: &offset, maximumRanges: maximumRanges)
      return nil
    } catch {
      #expect(offset == 0)
      return error
    }
  }

  @Test("Known damage is named with its offset")
  func damage() {
    let nine = [UInt8](repeating: 0xFF, count: 9)
    #expect(CompletenessSequenceSetTests.failure(of: []) == .truncated(offset: 0))
    #expect(CompletenessSequenceSetTests.failure(of: [1, 5]) == .truncated(offset: 2))
    #expect(CompletenessSequenceSetTests.failure(of: [1, 0x80]) == .truncated(offset: 1))
    #expect(
      CompletenessSequenceSetTests.failure(of: [5])
        == .tooManyRanges(offset: 0, found: 5, allowed: 4))
    #expect(CompletenessSequenceSetTests.failure(of: nine + [2]) == .numberTooLarge(offset: 0))
    #expect(
      CompletenessSequenceSetTests.failure(of: nine + [0x81, 0]) == .numberTooLarge(offset: 0))
    // A length that passes 2⁶⁴ − 1, and a range after one that ends there.
    #expect(
      CompletenessSequenceSetTests.failure(of: [1, 1] + nine + [1]) == .numberTooLarge(offset: 1))
    #expect(
      CompletenessSequenceSetTests.failure(of: [2, 0] + nine + [1, 0, 0])
        == .numberTooLarge(offset: 12))
    #expect(CompletenessSequenceSetTests.failure(of: [1, 0] + nine + [1]) == nil)
  }

  @Test("Random bytes decode to a valid set or a typed error")
  func randomBytes() {
    var random = SplitMix64(seed: 6)
    for _ in 0..<50_000 {
      let length = Int.random(in: 0...24, using: &random)
      var bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      if Bool.random(using: &random), length > 0 { bytes[0] = .random(in: 0...4, using: &random) }
      var offset = 0
      guard
        let set = unsafe try? SequenceSet(decoding: bytes.span.bytes, at: &offset, maximumRanges: 4)
      else { continue }
      #expect(offset <= bytes.count && set.ranges.count <= 4)
      for (left, right) in zip(set.ranges, set.ranges.dropFirst()) {
        #expect(left.upperBound < right.lowerBound && right.lowerBound - left.upperBound >= 2)
      }
      _ = set.missingCount(upTo: .max)
      CompletenessSequenceSetTests.expectRoundTrip(set)
    }
  }
}
