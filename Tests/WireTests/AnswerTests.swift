import SeededRandom
import Testing
import Wire

/// Acks and refusals: what is encoded comes back, and no answer outgrows what it answers.
struct AnswerTests {
  let encoder = AnswerEncoder(installation: InstallationID(bits: .max - 5))
  static let longestSource = [UInt8](repeating: 0x73, count: 64)

  static let exceptionCodes =
    [AckCode.duplicate, .conflict, .late] + RejectionReason.allCases.map(AckCode.init(rejected:))

  func header(_ highest: UInt64 = .max) -> AnswerHeader {
    AnswerHeader(
      keyID: KeyID(.max), epoch: .max, sequence: highest, highestSequence: highest,
      arrival: Timestamp(milliseconds: .max))
  }

  func exceptions(_ codes: [UInt8]) -> AckExceptions {
    AckExceptions(codes: codes.span)
  }

  func counts(_ codes: [AckCode]) -> VerdictCounts {
    var counts = VerdictCounts()
    for code in codes {
      if let verdict = code.verdict { counts[verdict] += 1 }
    }
    return counts
  }

  func ack(
    _ codes: [AckCode], receipt: AckReceipt? = nil, missing: [ClosedRange<UInt64>] = [],
    limit: Int = 65_507, source: [UInt8] = longestSource
  ) -> [UInt8] {
    var output: [UInt8] = []
    let exceptions = exceptions(codes.map(\.rawValue)).bytes
    encoder.appendAck(
      header(), source: source.raw, receipt: receipt ?? AckReceipt(counts: counts(codes)),
      exceptions: exceptions.span, missing: missing.span,
      limit: limit, to: &output
    ) { _ in 1 }
    return output
  }

  func decode(_ frame: [UInt8]) throws(WireError) -> Ack {
    try Ack(parsing: frame.raw, header: try FrameHeader(parsing: frame.raw, limits: .standard))
  }

  func codes(of ack: Ack) -> [AckCode] {
    var codes = [AckCode](repeating: .accepted, count: Int(ack.receipt.received))
    for run in ack.exceptions {
      for record in run.records { codes[record] = run.code }
    }
    return codes
  }

  @Test func randomAcksComeBack() throws {
    var random = SplitMix64(seed: 11)
    for _ in 0..<2_000 {
      let count = Int.random(in: 1...400, using: &random)
      let likely = Int.random(in: 0...10, using: &random)
      var codes: [AckCode] = []
      while codes.count < count {
        let code =
          Int.random(in: 0..<10, using: &random) < likely
          ? .accepted : Self.exceptionCodes.randomElement(using: &random) ?? .late
        codes += Array(repeating: code, count: Int.random(in: 1...9, using: &random)).prefix(
          count - codes.count)
      }
      var missing: [ClosedRange<UInt64>] = []
      var next: UInt64 = 1
      for _ in 0..<Int.random(in: 0...16, using: &random) {
        let first = next + random.next() % 1_000_000
        let last = first + random.next() % 1_000
        missing.append(first...last)
        next = last + 1
      }
      let ack = try decode(ack(codes, missing: missing))
      #expect(self.codes(of: ack) == codes)
      #expect(ack.missing == missing)
      #expect(!ack.receipt.isResent && !ack.receipt.isArchived)
      #expect(ack.header == header() && ack.installation == encoder.installation)
    }
  }

  @Test func flags() throws {
    for (isResent, isArchived) in [(false, true), (true, false), (true, true)] {
      let receipt = AckReceipt(
        counts: VerdictCounts(accepted: 1, duplicate: 1), isResent: isResent,
        isArchived: isArchived)
      let ack = try decode(ack([.accepted, .duplicate], receipt: receipt))
      #expect(ack.receipt == receipt)
      #expect(ack.exceptions.isEmpty == isArchived)
    }
  }

  @Test func receiptWhoseCountsAreNoLongerKept() throws {
    for received in [1, 300, 8_192] {
      let receipt = AckReceipt(archivedBatchOf: received)
      let frame = ack([], receipt: receipt, missing: [1...1], limit: 192)
      #expect(frame.count <= 192)
      let ack = try decode(frame)
      #expect(ack.receipt == receipt && ack.receipt.received == UInt32(received))
      #expect(ack.receipt.isResent && ack.receipt.isArchived)
      #expect(ack.receipt.counts == VerdictCounts() && ack.exceptions.isEmpty)
    }
  }

  @Test func missingRangesAtTheEnds() throws {
    for missing: [ClosedRange<UInt64>] in [
      [1...UInt64.max], [UInt64.max...UInt64.max], [1...1, 2...2, 3...(.max)],
      [1...(.max - 1), .max...(.max)],
    ] {
      #expect(try decode(ack([.late], missing: missing)).missing == missing)
    }
    let many = stride(from: UInt64(1), to: 80, by: 2).map { $0...$0 }
    #expect(try decode(ack([.late], missing: many)).missing == Array(many.prefix(16)))
  }

  /// The shortest frame with so many records: 7 bytes each, an empty text key, no tables.
  func shortestFrame(records: Int, source: Int) -> Int {
    max(WireLimits.minimumClientFrameLength, 64 + source + 7 * records + 16)
  }

  /// A run takes at least 3 bytes and begins with a record, so that a run for every record, each
  /// with another code than the one before, is the longest list of runs.
  @Test func noAckOutgrowsItsFrame() throws {
    let missing = stride(from: UInt64(1), to: 1 << 63, by: 1 << 59).map { $0...($0 + (1 << 58)) }
    for sourceLength in [1, 2, 32, 63, 64] {
      let source = Array(Self.longestSource.prefix(sourceLength))
      for count in Array(1...150) + [383, 384, 700, 4_095, 8_192] {
        let limit = shortestFrame(records: count, source: sourceLength)
        let codes = (0..<count).map { $0.isMultiple(of: 2) ? AckCode.duplicate : .late }
        let frame = ack(codes, missing: missing, limit: limit, source: source)
        #expect(frame.count <= limit)
        let ack = try decode(frame)
        // The verdicts are never what is left out.
        #expect(!ack.receipt.isArchived && self.codes(of: ack) == codes)
      }
    }
  }

  /// All ways to judge up to seven records, with the shortest frame and the longest source name.
  @Test func noAckOfFewRecordsOutgrowsItsFrame() throws {
    let choices: [AckCode] = [.accepted, .duplicate, AckCode(rejected: .textTooLong)]
    for count in 1...7 {
      var ways = 1
      for _ in 0..<count { ways *= choices.count }
      for way in 0..<ways {
        var rest = way
        let codes = (0..<count).map { _ in
          defer { rest /= choices.count }
          return choices[rest % choices.count]
        }
        let frame = ack(codes, missing: [1...1, 9...(.max)], limit: 192)
        #expect(frame.count <= 192)
        #expect(self.codes(of: try decode(frame)) == codes)
      }
    }
  }

  @Test func resentBatchOfOtherContentIsAnsweredWithinItsLength() throws {
    let codes = (0..<8_192).map { $0.isMultiple(of: 2) ? AckCode.duplicate : .late }
    let frame = ack(
      codes, receipt: AckReceipt(counts: counts(codes), isResent: true), missing: [1...5],
      limit: 192)
    #expect(frame.count <= 192)
    let ack = try decode(frame)
    #expect(ack.receipt.isArchived && ack.receipt.isResent && ack.exceptions.isEmpty)
    #expect(ack.receipt.counts == counts(codes) && ack.missing == [1...5])
  }

  /// Verdicts are left out exactly when they find no room.
  @Test func resentBatchOfAnySizeIsAnsweredWithinItsLength() throws {
    let room = 192 - 64 - 64 - 16 - 17 - 5 - 1
    for count in 1...100 {
      let codes = (0..<count).map { $0.isMultiple(of: 2) ? AckCode.duplicate : .late }
      let frame = ack(codes, missing: [1...5], limit: 192)
      #expect(frame.count <= 192)
      let ack = try decode(frame)
      #expect(ack.receipt.isArchived == (3 * count + 1 > room))
      if !ack.receipt.isArchived { #expect(self.codes(of: ack) == codes) }
    }
  }

  @Test func noRefusalOutgrowsItsFrame() throws {
    for reason in RefusalReason.allCases {
      for retryAfter: UInt32 in [0, 1, 127, 128, .max] {
        var output: [UInt8] = []
        encoder.appendRefusal(
          header(), source: Self.longestSource.raw, reason: reason, retryAfter: retryAfter,
          to: &output
        ) { _ in 1 }
        #expect(output.count <= 192)
        let refusal = try Refusal(
          parsing: output.raw, header: try FrameHeader(parsing: output.raw, limits: .standard))
        #expect(refusal.reason == reason && refusal.retryAfter == retryAfter)
        #expect(refusal.isRetryable == reason.isRetryable && refusal.header == header())
      }
    }
  }

  @Test func exceptionsAreReusable() {
    var exceptions = AckExceptions()
    let codes: [UInt8] = [0, 1, 1, 3]
    exceptions.append(codes: codes.span)
    exceptions.removeAll()
    #expect(exceptions.isEmpty)
    exceptions.append(2, .late)
    exceptions.append(3, .late)
    exceptions.finish()
    #expect(exceptions == self.exceptions([0, 0, 3, 3]))
    #expect(exceptions != self.exceptions([0, 3, 3]))
  }

  @Test func codesAndVerdicts() {
    for value in UInt8.min...UInt8.max {
      let code = AckCode(rawValue: value)
      switch value {
      case 0...3: #expect(code.verdict?.rawValue == value && code.reason == nil)
      case 4...16: #expect(code.verdict == nil && code.reason == nil)
      default:
        #expect(code.verdict == .rejected)
        #expect(code.reason?.rawValue == (value < 32 ? value - 16 : nil))
      }
    }
  }
}
