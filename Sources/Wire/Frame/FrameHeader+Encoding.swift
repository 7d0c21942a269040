extension FrameHeader {
  /// Appends a frame: this header, the source name, the body, padding and the tag.
  ///
  /// - Parameters:
  ///   - output: where the frame goes; nothing else is allocated.
  ///   - source: the source name.
  ///   - tag: makes the tag over the bytes before it; not called without a key.
  ///   - body: writes ``bodyLength`` bytes.
  func appendFrame(
    to output: inout [UInt8], source: RawSpan, tag: (RawSpan) -> UInt128,
    body: (inout ByteWriter) -> Void
  ) {
    let start = output.count
    let tagStart = start + length - Self.tagLength
    output.append(contentsOf: repeatElement(0, count: length))
    do {
      var span = output.mutableSpan
      var writer = ByteWriter(span.mutableRaw, at: start)
      putFields(&writer)
      writer.put(source)
      body(&writer)
      precondition(writer.offset == start + bodyEnd, "BUG: a body is as long as its header says")
    }
    guard keyID != .none else { return }
    let value = tag(output.span.raw.extracting(start..<tagStart))
    var span = output.mutableSpan
    var all = span.mutableRaw
    all.storeBytes(of: value.littleEndian, toByteOffset: tagStart, as: UInt128.self)
  }

  private func putFields(_ writer: inout ByteWriter) {
    writer.put(Self.magic)
    writer.put(Self.version)
    writer.put(type.rawValue)
    writer.put(UInt8(truncatingIfNeeded: sourceLength))
    writer.put(UInt8(0))
    writer.put(UInt32(truncatingIfNeeded: length))
    writer.put(keyID.rawValue)
    writer.put(epoch)
    writer.put(sequence)
    writer.put(highestSequence)
    writer.put(baseTime.milliseconds)
    writer.put(UInt16(truncatingIfNeeded: recordCount))
    writer.put(UInt16(truncatingIfNeeded: tenantCount))
    writer.put(UInt16(truncatingIfNeeded: operationCount))
    writer.put(UInt16(truncatingIfNeeded: contextCount))
    writer.put(UInt32(truncatingIfNeeded: bodyLength))
    writer.put(UInt32(0))
  }

  /// A header without tables, for answers and heartbeats; the length is that of its parts.
  init(
    type: FrameType, sourceLength: Int, keyID: KeyID, epoch: UInt64, sequence: UInt64,
    highestSequence: UInt64, baseTime: Timestamp, recordCount: Int, bodyLength: Int
  ) {
    self.type = type
    self.sourceLength = sourceLength
    length = Self.byteCount + sourceLength + bodyLength + Self.tagLength
    self.keyID = keyID
    self.epoch = epoch
    self.sequence = sequence
    self.highestSequence = highestSequence
    self.baseTime = baseTime
    self.recordCount = recordCount
    (tenantCount, operationCount, contextCount) = (0, 0, 0)
    self.bodyLength = bodyLength
  }
}
