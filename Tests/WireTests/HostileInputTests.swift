import SeededRandom
import Testing
import Wire

/// Whatever arrives, nothing traps and every index stays inside its table.
struct HostileInputTests {
  /// Decodes as far as it goes, as the service or a source would after the tag.
  func decode(_ bytes: [UInt8], into columns: inout UsageColumns) -> Bool {
    do throws(WireError) {
      let header = try FrameHeader(parsing: bytes.raw, limits: .standard)
      switch header.type {
      case .usage: try columns.append(frame: bytes.raw, header: header)
      case .ack: _ = try Ack(parsing: bytes.raw, header: header)
      case .refusal: _ = try Refusal(parsing: bytes.raw, header: header)
      case .heartbeat, .controlTotals: break
      }
      check(columns)
      return true
    } catch {
      precondition(WireError.names.contains(error.name))
      return false
    }
  }

  func check(_ columns: borrowing UsageColumns) {
    var keyEnd = 0
    for index in 0..<columns.count {
      precondition(columns.kind[index] < 3 && columns.keyForm[index] < 2)
      precondition(Int(columns.tenant[index]) < columns.tenants.count)
      precondition(Int(columns.operation[index]) < columns.operations.count)
      precondition(Int(columns.context[index]) < columns.contexts.count)
      precondition(Int(columns.keyOffset[index]) == keyEnd)
      keyEnd += columns.key(index).byteCount
      let fault = RejectionReason(rawValue: columns.fault[index])
      precondition((fault == nil) == (columns.fault[index] == 0))
      guard fault == nil else { continue }
      precondition(
        columns.tenants.name(Int(columns.tenant[index])).byteCount > 0
          && columns.operations.name(Int(columns.operation[index])).byteCount > 0
          && columns.time[index] >= 0 && columns.time[index] <= Timestamp.latest.milliseconds
          && columns.quantity[index] > .min && columns.keyLength[index] > 0)
    }
    precondition(keyEnd == columns.keyBytes.byteCount)
  }

  /// A small frame of each kind that has a body.
  static func frames() throws -> [[UInt8]] {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "agent-1", epoch: 1), keyID: KeyID(1))
    var random = SplitMix64(seed: 3)
    for _ in 0..<4 { _ = encoder.append(RoundTripTests.record(&random)) }
    var usage: [UInt8] = []
    encoder.finish(sequence: 1, highestSequence: 1, to: &usage) { _ in 1 }

    let answers = AnswerTests()
    var refusal: [UInt8] = []
    answers.encoder.appendRefusal(
      answers.header(), source: [0x61].raw, reason: .queueFull, retryAfter: 9, to: &refusal
    ) { _ in 1 }
    let ack = answers.ack([.accepted, .late, .conflict], missing: [4...9], source: [0x61])
    return [RawFrame().bytes, usage, ack, refusal]
  }

  @Test func everyTruncation() throws {
    for frame in try Self.frames() {
      for count in 0..<frame.count {
        var columns = UsageColumns()
        #expect(!decode(Array(frame.prefix(count)), into: &columns))
        // The same with a length that agrees.
        guard count >= 12 else { continue }
        var shorter = Array(frame.prefix(count))
        shorter[8] = UInt8(count & 0xFF)
        shorter[9] = UInt8(count >> 8)
        _ = decode(shorter, into: &columns)
      }
    }
  }

  @Test func everySingleBit() throws {
    for frame in try Self.frames() {
      for bit in 0..<8 * frame.count {
        var changed = frame
        changed[bit / 8] ^= 1 << (bit % 8)
        var columns = UsageColumns()
        #expect(decode(changed, into: &columns) || columns.count == 0)
      }
    }
  }

  @Test func randomDamage() throws {
    var random = SplitMix64(seed: 99)
    let frames = try Self.frames()
    var columns = UsageColumns()
    var taken = 0
    for round in 0..<60_000 {
      if round.isMultiple(of: 50) { columns.removeAll() }
      var frame = frames[round % frames.count]
      // Mostly in the body, where a change is not seen at once.
      let area = Bool.random(using: &random) ? 64..<frame.count : 0..<frame.count
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        frame[Int.random(in: area, using: &random)] =
          [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())]
          .randomElement(using: &random) ?? 0
      }
      if decode(frame, into: &columns) { taken += 1 }
    }
    #expect(taken > 1_000)
  }

  @Test func randomBodies() {
    var random = SplitMix64(seed: 5)
    var columns = UsageColumns()
    for round in 0..<20_000 {
      if round.isMultiple(of: 50) { columns.removeAll() }
      var frame = RawFrame(
        recordCount: UInt16.random(in: 1...4, using: &random),
        tenantCount: UInt16.random(in: 0...2, using: &random),
        operationCount: UInt16.random(in: 0...2, using: &random),
        contextCount: UInt16.random(in: 0...2, using: &random))
      let mask = UInt8(truncatingIfNeeded: random.next())
      frame.body = (0..<Int.random(in: 0...120, using: &random)).map { _ in
        UInt8(truncatingIfNeeded: random.next()) & mask
      }
      _ = decode(frame.bytes, into: &columns)
    }
  }
}
