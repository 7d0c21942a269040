import Testing
import Wire

/// Each way in which a header can be wrong, with the exact error.
struct HeaderTests {
  @Test func soundFrameIsTaken() {
    #expect(refusal(of: RawFrame().bytes) == nil)
  }

  static let cases: [(RawFrame, WireError)] = [
    (RawFrame(magic: 1), .badMagic(found: 1)),
    (RawFrame(version: 2), .unsupportedVersion(found: 2)),
    (RawFrame(type: 0), .unknownType(found: 0)),
    (RawFrame(type: 6), .unknownType(found: 6)),
    (RawFrame(reserved7: 9), .reservedNotZero(offset: 7, found: 9)),
    (RawFrame(reserved60: 9), .reservedNotZero(offset: 60, found: 9)),
    (RawFrame(length: 191), .frameTooShort(found: 191, minimum: 192)),
    (RawFrame(length: 65_508), .frameTooLong(found: 65_508, maximum: 65_507)),
    (RawFrame(length: .max), .frameTooLong(found: 0xFFFF_FFFF, maximum: 65_507)),
    (RawFrame(length: 193), .lengthMismatch(found: 192, stated: 193)),
    (RawFrame(sourceLength: 0), .sourceLengthInvalid(found: 0, allowed: 1...64)),
    (RawFrame(sourceLength: 65), .sourceLengthInvalid(found: 65, allowed: 1...64)),
    (
      RawFrame(source: Array("a b".utf8)), .sourceCharacterInvalid(offset: 65, found: 0x20)
    ),
    (RawFrame(source: [0xC3, 0xA4]), .sourceCharacterInvalid(offset: 64, found: 0xC3)),
    (RawFrame(sequence: 0), .sequenceInvalid(offset: 24, found: 0)),
    (
      RawFrame(
        type: 2, sequence: 1, recordCount: 0, tenantCount: 0, operationCount: 0, body: []),
      .sequenceInvalid(offset: 24, found: 1)
    ),
    (RawFrame(sequence: 2), .sequenceInvalid(offset: 32, found: 1)),
    (RawFrame(recordCount: 0), .countInvalid(offset: 48, found: 0, allowed: 1...8_192)),
    (RawFrame(recordCount: 8_193), .countInvalid(offset: 48, found: 8_193, allowed: 1...8_192)),
    (RawFrame(tenantCount: 8_193), .countInvalid(offset: 50, found: 8_193, allowed: 0...8_192)),
    (
      RawFrame(operationCount: 8_193), .countInvalid(offset: 52, found: 8_193, allowed: 0...8_192)
    ),
    (
      RawFrame(contextCount: 65_535),
      .countInvalid(offset: 54, found: 65_535, allowed: 0...8_192)
    ),
    (
      RawFrame(type: 2, sequence: 0), .countInvalid(offset: 48, found: 1, allowed: 0...0)
    ),
    (
      RawFrame(
        type: 2, sequence: 0, recordCount: 0, tenantCount: 0, operationCount: 0, body: [0]),
      .bodyLengthInvalid(found: 1, maximum: 0)
    ),
    (RawFrame(type: 4), .countInvalid(offset: 50, found: 1, allowed: 0...0)),
    (RawFrame(type: 5), .countInvalid(offset: 48, found: 1, allowed: 0...0)),
    (RawFrame(bodyLength: 106), .bodyLengthInvalid(found: 106, maximum: 105)),
    (RawFrame(bodyLength: .max), .bodyLengthInvalid(found: 0xFFFF_FFFF, maximum: 105)),
    (
      // The last byte of the body becomes padding.
      RawFrame(bodyLength: 25), .paddingNotZero(offset: 64 + 7 + 25, found: 15)
    ),
    (RawFrame(keyID: 0), .tagNotZero),
  ]

  @Test(arguments: cases)
  func unsoundHeaderIsRefused(frame: RawFrame, error: WireError) {
    #expect(refusal(of: frame.bytes) == error)
    #expect(WireError.names.contains(error.name))
  }

  @Test func fewerBytesThanAHeader() {
    let bytes = RawFrame().bytes
    for count in 0..<64 {
      #expect(refusal(of: Array(bytes.prefix(count))) == .truncatedHeader(found: count))
    }
  }

  @Test func everyBitOfThePaddingCounts() {
    let bytes = RawFrame().bytes
    let padding = 64 + 7 + RawFrame().body.count..<bytes.count - 16
    #expect(padding.count > 64)
    for offset in padding {
      var changed = bytes
      changed[offset] = 0x40
      #expect(refusal(of: changed) == .paddingNotZero(offset: offset, found: 0x40))
    }
  }

  @Test func lengthOfTheNextFrame() throws {
    let bytes = RawFrame().bytes
    for count in 0..<12 {
      let part = Array(bytes.prefix(count))
      #expect(try FrameHeader.frameLength(peeking: part.raw, limits: .standard) == nil)
    }
    for count in 12...192 {
      let part = Array(bytes.prefix(count))
      #expect(try FrameHeader.frameLength(peeking: part.raw, limits: .standard) == 192)
    }
  }

  @Test func configuredLimits() {
    let limits = WireLimits(maximumFrameLength: 200, maximumRecordsPerFrame: 1)
    #expect(refusal(of: RawFrame(paddedTo: 200).bytes, limits: limits) == nil)
    #expect(
      refusal(of: RawFrame(paddedTo: 201).bytes, limits: limits)
        == .frameTooLong(found: 201, maximum: 200))
    #expect(
      refusal(of: RawFrame(recordCount: 2).bytes, limits: limits)
        == .countInvalid(offset: 48, found: 2, allowed: 1...1))
    #expect(
      WireLimits(maximumFrameLength: 0, maximumRecordsPerFrame: .max)
        == WireLimits(maximumFrameLength: 192))
  }

  @Test func partsOfAFrame() throws {
    let frame = RawFrame()
    let bytes = frame.bytes
    let header = try FrameHeader(parsing: bytes.raw, limits: .standard)
    #expect(array(header.sourceName(in: bytes.raw)) == frame.source)
    #expect(array(header.body(in: bytes.raw)) == frame.body)
    #expect(array(header.authenticated(in: bytes.raw)) == bytes.dropLast(16))
    #expect(header.tag(in: bytes.raw) == UInt128.max / 255 * 0xEE)
  }

  @Test func charactersOfSourceNames() {
    let allowed = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-".utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(SourceIdentity.allows(byte) == allowed.contains(byte))
      let error = refusal(of: RawFrame(source: [byte]).bytes)
      #expect((error == nil) == allowed.contains(byte))
    }
  }
}
