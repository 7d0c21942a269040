import Testing
import Wire

/// Bodies that cannot be cut into records, and how a group of frames is kept.
struct BodyTests {
  @Test func bodyCutAtEveryByte() throws {
    let frame = RawFrame()
    for count in 0..<frame.body.count {
      var cut = frame
      cut.body = Array(frame.body.prefix(count))
      guard case .malformedBody = refusal(of: cut.bytes) else {
        Issue.record("\(count) bytes of \(frame.body.count) were taken")
        continue
      }
    }
  }

  static let cases: [([UInt8], UInt16, WireError)] = [
    (RawFrame().body + [0], 1, .malformedBody(offset: 97, .trailingBytes(count: 1))),
    (RawFrame().body, 2, .malformedBody(offset: 97, .truncatedRecord)),
    ([200, 0x74], 1, .malformedBody(offset: 71, .truncatedTable)),
    ([1, 0x74], 1, .malformedBody(offset: 73, .truncatedTable)),
    (
      [1, 0x74, 1, 0x6F, 0] + [UInt8](repeating: 0x80, count: 9) + [2] + [0, 0, 0, 0]
        + [UInt8](repeating: 0, count: 16), 1,
      .malformedBody(offset: 76, .varintTooLong)
    ),
    (
      [1, 0x74, 1, 0x6F, 0] + [UInt8](repeating: 0x80, count: 20), 1,
      .malformedBody(offset: 76, .varintTooLong)
    ),
    ([1, 0x74, 1, 0x6F, 0, 0x80], 1, .malformedBody(offset: 76, .truncatedRecord)),
    ([1, 0x74, 1, 0x6F, 4, 0, 0, 0, 0, 0], 1, .malformedBody(offset: 81, .truncatedRecord)),
    (
      [1, 0x74, 1, 0x6F, 4, 0, 0, 0, 0, 0, 2, 0x61], 1,
      .malformedBody(offset: 75, .truncatedRecord)
    ),
  ]

  @Test(arguments: cases)
  func malformedBody(body: [UInt8], records: UInt16, error: WireError) {
    var frame = RawFrame(recordCount: records)
    frame.body = body
    #expect(refusal(of: frame.bytes) == error)
  }

  @Test func contextTableCut() {
    for body: [UInt8] in [[1, 0x74, 1, 0x6F, 0], [1, 0x74, 1, 0x6F, 0, 1]] {
      var frame = RawFrame(contextCount: 1)
      frame.body = body
      #expect(refusal(of: frame.bytes) == .malformedBody(offset: 75, .truncatedTable))
    }
  }

  /// A varint may be longer than needed, up to ten bytes.
  @Test func longVarints() throws {
    for length in 1...10 {
      let zero = [UInt8](repeating: 0x80, count: length - 1) + [0]
      var frame = RawFrame()
      frame.body =
        [1, 0x74, 1, 0x6F, 0] + zero + zero + zero + zero + zero + [UInt8](repeating: 9, count: 16)
      var columns = UsageColumns()
      try append(frame.bytes, to: &columns)
      #expect(columns.fault[0] == 0 && columns.quantity[0] == 0)
      #expect(array(columns.key(0)) == [UInt8](repeating: 9, count: 16))
    }
  }

  /// The quick path covers two varints in eight bytes; every pair of lengths gives the same.
  @Test func everyPairOfVarintLengths() throws {
    for timeBits in 0..<63 {
      for quantityBits in 0..<63 {
        let time = Int64(1) << timeBits
        let quantity = (Int64(1) << quantityBits) | 1
        var frame = RawFrame(baseTime: 0)
        frame.body = [1, 0x74, 1, 0x6F]
        frame.body += RawRecord(time: time, quantity: quantity).bytes
        var columns = UsageColumns()
        try append(frame.bytes, to: &columns)
        #expect(columns.time[0] == time && columns.quantity[0] == quantity)
        #expect(array(columns.key(0)) == [UInt8](0..<16))
      }
    }
  }

  /// Names of every length, the last one with a fault, in one table.
  @Test func aKeyIsTheEndsOfItsName() throws {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz".utf8)
    let names = (1...255).map { length in (0..<length).map { alphabet[($0 * 7 + length) % 26] } }
    var frame = RawFrame(tenantCount: UInt16(names.count + 1))
    frame.body = []
    for name in names { frame.body += [UInt8(name.count)] + name }
    frame.body += [1, 0, 1, 0x6F]
    frame.body += RawRecord().bytes
    var columns = UsageColumns()
    try append(frame.bytes, to: &columns)
    for (number, name) in names.enumerated() {
      let found = columns.tenants.keys[number + 1]
      let key = try #require(found)
      let padded = name + [UInt8](repeating: 0, count: max(0, 8 - name.count))
      func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      #expect(key.first == word(padded.prefix(8)) && key.last == word(padded.suffix(8)))
      #expect(key.tag & 0xFF == UInt32(name.count) && key.isWhole == (name.count <= 16))
      let kept = array(columns.tenants.name(number + 1))
      #expect(kept == name)
    }
    let faulty = columns.tenants.keys[names.count + 1]
    #expect(faulty == nil)
  }

  @Test func malformedFrameLeavesNothingInAGroup() throws {
    var columns = UsageColumns()
    let sound = RawFrame(sequence: 4, highestSequence: 9).bytes
    var broken = RawFrame(recordCount: 3, tenantCount: 2)
    broken.body = [1, 0x78, 1, 0x79, 1, 0x6F] + RawRecord(tenant: 1).bytes
    try append(sound, to: &columns)
    #expect(throws: WireError.malformedBody(offset: 99, .truncatedRecord)) {
      try append(broken.bytes, to: &columns)
    }
    try append(sound, to: &columns)
    #expect(columns.count == 2 && columns.frames.count == 2)
    #expect(columns.tenants.count == 3 && columns.operations.count == 3)
    #expect(columns.keyBytes.byteCount == 32)
    let second = columns.frames[1]
    #expect(second.records == 1..<2 && second.tenants == 2..<3 && second.operations == 2..<3)
    #expect(second.contexts.isEmpty && second.header.length == sound.count)
    #expect(columns.tenant[1] == 2 && text(columns.tenants.name(2)) == "t")

    columns.removeAll()
    #expect(columns.count == 0 && columns.frames.isEmpty && columns.tenants.count == 1)
    try append(sound, to: &columns)
    #expect(records(in: columns).first?.tenant == "t")
  }
}
