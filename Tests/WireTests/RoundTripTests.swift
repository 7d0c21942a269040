import SeededRandom
import Testing
import Wire

/// What is encoded comes back, whatever it is.
struct RoundTripTests {
  static let names = ["a", "tenant-12", "größe", "ﬁ", "e\u{301}", "é", "😀", "x y/z:_"]

  static func text(_ random: inout SplitMix64) -> String {
    let pick = Int.random(in: 0..<40, using: &random)
    if pick < names.count { return names[pick] }
    if pick == 39 { return String(repeating: "w", count: 255) }
    return "name-\(Int.random(in: 0..<60, using: &random))"
  }

  static func number(_ random: inout SplitMix64) -> Int64 {
    Int64(bitPattern: random.next() >> UInt64.random(in: 1...63, using: &random))
  }

  static func record(_ random: inout SplitMix64) -> UsageRecord {
    let kind = UsageKind.allCases.randomElement(using: &random) ?? .traffic
    var quantity = number(&random)
    if kind == .storage, Bool.random(using: &random) { quantity = -quantity }
    let hasContext = Bool.random(using: &random)
    let isText = Bool.random(using: &random)
    let type = ContextType.allCases.randomElement(using: &random) ?? .other
    return UsageRecord(
      tenant: text(&random), kind: kind, operation: text(&random),
      contextType: hasContext ? type : .other,
      context: hasContext && Bool.random(using: &random) ? text(&random) : "",
      time: Timestamp(milliseconds: min(number(&random), Timestamp.latest.milliseconds)),
      quantity: quantity,
      key: isText
        ? .text(text(&random))
        : .raw(UInt128(random.next()) << 64 | UInt128(random.next())))
  }

  @Test(arguments: [1_200, 1_432, 9_000, 65_507])
  func encodedRecordsComeBack(maximumLength: Int) throws {
    var random = SplitMix64(seed: UInt64(maximumLength))
    var columns = UsageColumns()
    for group in 0..<max(2, 40_000 / maximumLength) {
      columns.removeAll()
      var expected: [UsageRecord] = []
      for frame in 0..<Int.random(in: 1...5, using: &random) {
        var encoder = try FrameEncoder(
          source: SourceIdentity(name: "s:\(frame)", epoch: UInt64(group)), keyID: KeyID(1),
          maximumLength: maximumLength)
        while true {
          let record = Self.record(&random)
          if encoder.append(record) == .full { break }
          expected.append(record)
        }
        var bytes: [UInt8] = []
        encoder.finish(sequence: 1, highestSequence: 2, to: &bytes) { _ in .max }
        #expect(bytes.count <= maximumLength)
        #expect(encoder.isEmpty)
        try append(bytes, to: &columns)
        #expect(Wire.FrameType.usage == columns.frames[frame].header.type)
        #expect(WireTests.text(columns.sourceName(ofFrame: frame)) == "s:\(frame)")
      }
      for index in 0..<columns.count { #expect(columns.fault[index] == 0) }
      let found = records(in: columns)
      #expect(found.count == expected.count)
      for (left, right) in zip(found, expected) {
        #expect(left == right)
        // String equality takes canonically equivalent names for equal; the bytes must be too.
        #expect(Array(left.tenant.utf8) == Array(right.tenant.utf8))
        #expect(Array(left.operation.utf8) == Array(right.operation.utf8))
        #expect(Array(left.context.utf8) == Array(right.context.utf8))
      }
    }
  }

  /// Every record that the encoder takes is one that the decoder finds no fault with, and the
  /// other way round.
  @Test func encoderAndDecoderAgreeOnFaults() throws {
    let quantities: [Int64] = [.min, .min + 1, -1, 0, 1, .max]
    let times: [Int64] = [
      .min, -1, 0, Timestamp.latest.milliseconds, Timestamp.latest.milliseconds + 1, .max,
    ]
    let texts: [(String, RejectionReason?)] = [
      ("", nil), ("a", nil), ("\0", .textContainsNull), (String(repeating: "x", count: 255), nil),
    ]
    for kind in UsageKind.allCases {
      for quantity in quantities {
        for time in times {
          for (text, _) in texts {
            let key = Array(text.utf8)
            var raw = RawFrame(baseTime: 0)
            raw.body = [1, 0x74, 1, 0x6F]
            var record = RawRecord.text(key)
            record.descriptor |= kind.rawValue
            record.time = time
            record.quantity = quantity
            raw.body += record.bytes
            var columns = UsageColumns()
            try append(raw.bytes, to: &columns)
            let usage = UsageRecord(
              tenant: "t", kind: kind, operation: "o", time: Timestamp(milliseconds: time),
              quantity: quantity, key: .text(text))
            #expect(usage.fault == RejectionReason(rawValue: columns.fault[0]))
          }
        }
      }
    }
  }
}
