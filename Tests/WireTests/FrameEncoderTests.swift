import Testing
import Wire

struct FrameEncoderTests {
  let source = SourceIdentity(name: String(repeating: "s", count: 64), epoch: 1)

  @Test func everyValidRecordFitsTheShortestFrame() throws {
    var encoder = try FrameEncoder(
      source: source, keyID: .none, maximumLength: FrameEncoder.minimumMaximumLength)
    let long = String(repeating: "x", count: 255)
    let record = UsageRecord(
      tenant: long, kind: .storage, operation: long + "", contextType: .admin, context: long,
      time: Timestamp.latest, quantity: .min + 1, key: .text(long))
    #expect(encoder.append(record) == .appended)
    #expect(encoder.append(record) == .full)
    #expect(encoder.recordCount == 1)
  }

  @Test func rejectedRecordsAreInNoFrame() throws {
    var encoder = try FrameEncoder(source: source, keyID: .none)
    let sound = UsageRecord(
      tenant: "t", kind: .traffic, operation: "o", time: Timestamp(milliseconds: 0), quantity: 0,
      key: .raw(0))
    let long = String(repeating: "ä", count: 128)
    func rejects(_ reason: RejectionReason, _ change: (inout UsageRecord) -> Void) {
      var record = sound
      change(&record)
      #expect(encoder.append(record) == .rejected(reason))
    }
    rejects(.nameEmpty) { $0.tenant = "" }
    rejects(.nameEmpty) { $0.operation = "" }
    rejects(.textContainsNull) { $0.context = "a\0" }
    rejects(.textTooLong) { $0.tenant = long }
    rejects(.textTooLong) { $0.operation = long }
    rejects(.textTooLong) { $0.context = long }
    rejects(.textTooLong) { $0.key = .text(long) }
    rejects(.keyEmpty) { $0.key = .text("") }
    rejects(.quantityNegative) { $0.quantity = -1 }
    rejects(.timeInvalid) { $0.time = Timestamp(milliseconds: -1) }
    #expect(encoder.isEmpty)
    #expect(encoder.append(sound) == .appended)
  }

  @Test func namesAreWrittenOnce() throws {
    var encoder = try FrameEncoder(source: source, keyID: .none)
    let record = UsageRecord(
      tenant: "tenant", kind: .traffic, operation: "operation", contextType: .project,
      context: "context", time: Timestamp(milliseconds: 0), quantity: 1, key: .raw(0))
    let empty = encoder.remainingByteCount
    #expect(encoder.append(record) == .appended)
    let first = empty - encoder.remainingByteCount
    #expect(encoder.append(record) == .appended)
    #expect(first == 22 + 7 + 10 + 9 && empty - encoder.remainingByteCount == first + 22)
    encoder.removeAll()
    #expect(encoder.remainingByteCount == empty)
  }

  @Test func recordLimit() throws {
    var encoder = try FrameEncoder(
      source: source, keyID: .none, maximumLength: 1_432,
      limits: WireLimits(maximumRecordsPerFrame: 2))
    let record = UsageRecord(
      tenant: "t", kind: .traffic, operation: "o", time: Timestamp(milliseconds: 0), quantity: 1,
      key: .raw(0))
    #expect(encoder.append(record) == .appended)
    #expect(encoder.append(record) == .appended)
    #expect(encoder.append(record) == .full)
  }

  @Test func unsoundSettingsAreRefused() {
    func error(_ name: String, _ maximumLength: Int = 1_432) -> WireError? {
      do throws(WireError) {
        _ = try FrameEncoder(
          source: SourceIdentity(name: name, epoch: 1), keyID: .none, maximumLength: maximumLength)
        return nil
      } catch {
        return error
      }
    }
    #expect(error("") == .sourceLengthInvalid(found: 0, allowed: 1...64))
    #expect(
      error(String(repeating: "a", count: 65)) == .sourceLengthInvalid(found: 65, allowed: 1...64))
    #expect(error("a b") == .sourceCharacterInvalid(offset: 65, found: 32))
    #expect(error("a", 1_199) == .frameTooShort(found: 1_199, minimum: 1_200))
    #expect(error("a", 65_508) == .frameTooLong(found: 65_508, maximum: 65_507))
    #expect(error("a", 65_507) == nil)
  }

  @Test func framesFollowEachOtherInOneBuffer() throws {
    let encoder = try FrameEncoder(source: source, keyID: KeyID(3))
    var output: [UInt8] = [9, 9, 9]
    for sequence in 1...3 as ClosedRange<UInt64> {
      encoder.appendHeartbeat(
        highestSequence: sequence, time: Timestamp(milliseconds: 1), to: &output
      ) { UInt128($0.byteCount) }
    }
    #expect(output.count == 3 + 3 * 192)
    for index in 0..<3 {
      let frame = Array(output[(3 + index * 192)..<(3 + (index + 1) * 192)])
      let header = try FrameHeader(parsing: frame.raw, limits: .standard)
      #expect(header.highestSequence == UInt64(index + 1))
      #expect(header.tag(in: frame.raw) == 176)
    }
  }
}
