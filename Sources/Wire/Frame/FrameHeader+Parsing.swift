extension FrameHeader {
  /// Parses a frame's header and checks everything but the tag and the body.
  ///
  /// The checks stand in the order of their cost, and all of them cost less than a tag: header
  /// fields, length, characters of the source name, padding. Nothing is allocated.
  ///
  /// - Parameters:
  ///   - frame: exactly one frame: a datagram, or as many bytes as
  ///     ``frameLength(peeking:limits:)`` said.
  ///   - limits: what is taken at most.
  public init(parsing frame: RawSpan, limits: WireLimits) throws(WireError) {
    guard let stated = try Self.frameLength(peeking: frame, limits: limits),
      frame.byteCount >= Self.byteCount
    else { throw .truncatedHeader(found: frame.byteCount) }
    // `frameLength` has checked that the type is known.
    guard let type = FrameType(rawValue: frame.integer(at: 5)) else {
      throw .unknownType(found: frame.integer(at: 5))
    }
    let reserved: UInt32 = frame.integer(at: 60)
    guard reserved == 0 else { throw .reservedNotZero(offset: 60, found: reserved) }

    self.type = type
    length = stated
    sourceLength = Int(frame.integer(at: 6, as: UInt8.self))
    keyID = KeyID(frame.integer(at: 12))
    epoch = frame.integer(at: 16)
    sequence = frame.integer(at: 24)
    highestSequence = frame.integer(at: 32)
    baseTime = Timestamp(milliseconds: frame.integer(at: 40))
    recordCount = Int(frame.integer(at: 48, as: UInt16.self))
    tenantCount = Int(frame.integer(at: 50, as: UInt16.self))
    operationCount = Int(frame.integer(at: 52, as: UInt16.self))
    contextCount = Int(frame.integer(at: 54, as: UInt16.self))
    bodyLength = Int(frame.integer(at: 56, as: UInt32.self))

    try checkFields(limits: limits)
    guard frame.byteCount == length else {
      throw .lengthMismatch(found: frame.byteCount, stated: length)
    }
    try checkSourceName(frame)
    try checkPadding(frame)
    guard keyID != .none || tag(in: frame) == 0 else { throw .tagNotZero }
  }

  /// The length of the frame that begins here, for cutting a stream or a datagram of answers.
  ///
  /// - Returns: nil while there are fewer than the 12 bytes that say it and nothing is wrong yet.
  public static func frameLength(
    peeking bytes: RawSpan, limits: WireLimits
  ) throws(WireError) -> Int? {
    guard bytes.byteCount >= 12 else { return nil }
    let magic: UInt32 = bytes.integer(at: 0)
    guard magic == Self.magic else { throw .badMagic(found: magic) }
    let version: UInt8 = bytes.integer(at: 4)
    guard version == Self.version else { throw .unsupportedVersion(found: version) }
    guard let type = FrameType(rawValue: bytes.integer(at: 5)) else {
      throw .unknownType(found: bytes.integer(at: 5))
    }
    let reserved: UInt8 = bytes.integer(at: 7)
    guard reserved == 0 else { throw .reservedNotZero(offset: 7, found: UInt32(reserved)) }
    let length = Int(bytes.integer(at: 8, as: UInt32.self))
    let minimum =
      type.isFromSource
      ? WireLimits.minimumClientFrameLength : Self.byteCount + 1 + Self.tagLength
    guard length >= minimum else { throw .frameTooShort(found: length, minimum: minimum) }
    guard length <= limits.maximumFrameLength else {
      throw .frameTooLong(found: length, maximum: limits.maximumFrameLength)
    }
    return length
  }

  /// Checks the fields against each other, the type and the limits.
  private func checkFields(limits: WireLimits) throws(WireError) {
    guard sourceLength >= 1, sourceLength <= WireLimits.maximumSourceLength else {
      throw .sourceLengthInvalid(
        found: sourceLength, allowed: 1...WireLimits.maximumSourceLength)
    }
    guard (type == .heartbeat) == (sequence == 0) else {
      throw .sequenceInvalid(offset: 24, found: sequence)
    }
    guard highestSequence >= sequence else {
      throw .sequenceInvalid(offset: 32, found: highestSequence)
    }
    try checkCounts(limits: limits)
    let room = length - Self.byteCount - sourceLength - Self.tagLength
    guard room >= 0 else { throw .frameTooShort(found: length, minimum: length - room) }
    let maximumBody = type == .heartbeat ? 0 : room
    guard bodyLength <= maximumBody else {
      throw .bodyLengthInvalid(found: bodyLength, maximum: maximumBody)
    }
  }

  private func checkCounts(limits: WireLimits) throws(WireError) {
    let most = limits.maximumRecordsPerFrame
    let records: ClosedRange<Int>
    let entries: ClosedRange<Int>
    switch type {
    case .usage: (records, entries) = (1...most, 0...most)
    case .controlTotals: (records, entries) = (0...most, 0...most)
    case .ack: (records, entries) = (1...most, 0...0)
    case .heartbeat, .refusal: (records, entries) = (0...0, 0...0)
    }
    guard records.contains(recordCount) else {
      throw .countInvalid(offset: 48, found: recordCount, allowed: records)
    }
    guard entries.contains(tenantCount) else {
      throw .countInvalid(offset: 50, found: tenantCount, allowed: entries)
    }
    guard entries.contains(operationCount) else {
      throw .countInvalid(offset: 52, found: operationCount, allowed: entries)
    }
    guard entries.contains(contextCount) else {
      throw .countInvalid(offset: 54, found: contextCount, allowed: entries)
    }
  }

  private func checkSourceName(_ frame: RawSpan) throws(WireError) {
    for offset in Self.byteCount..<bodyStart {
      let byte: UInt8 = frame.integer(at: offset)
      guard SourceIdentity.allows(byte) else {
        throw .sourceCharacterInvalid(offset: offset, found: byte)
      }
    }
  }

  private func checkPadding(_ frame: RawSpan) throws(WireError) {
    let end = length - Self.tagLength
    var offset = bodyEnd
    while offset + 8 <= end, frame.integer(at: offset, as: UInt64.self) == 0 { offset += 8 }
    while offset < end {
      let byte: UInt8 = frame.integer(at: offset)
      guard byte == 0 else { throw .paddingNotZero(offset: offset, found: byte) }
      offset += 1
    }
  }
}

extension SourceIdentity {
  /// Whether a source name may hold this byte: `A–Z a–z 0–9 . _ : / -`.
  @inlinable
  public static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x2D...0x3A, 0x41...0x5A, 0x5F, 0x61...0x7A: true  // - . / 0-9 : A-Z _ a-z
    default: false
    }
  }
}
