import Testing
import Wire

/// Each fault of one record, and that the rest of its batch goes on.
struct RecordFaultTests {
  /// The faults of records in a frame with sound and faulty table entries.
  ///
  /// Tenants: `t`, empty, not UTF-8, with null. Operations: `o`, empty. Contexts: project `c`,
  /// other with an empty name, of an unknown type, workspace that is not UTF-8.
  func faults(
    _ records: [RawRecord], base: Int64 = 0, soundTables: Bool = false
  ) throws -> [RejectionReason?] {
    var frame = RawFrame(baseTime: base, recordCount: UInt16(records.count))
    frame.body = [1, 0x74]
    if !soundTables {
      frame.body += [0, 2, 0xC0, 0xAF, 3, 0x61, 0, 0x62]
      frame.tenantCount = 4
    }
    frame.body += [1, 0x6F]
    if !soundTables {
      frame.body += [0]
      frame.operationCount = 2
    }
    frame.body += [0, 1, 0x63, 3, 0]
    frame.contextCount = 2
    if !soundTables {
      frame.body += [4, 1, 0x64, 1, 1, 0xFF]
      frame.contextCount = 4
    }
    for record in records { frame.body += record.bytes }
    var columns = UsageColumns()
    try append(frame.bytes, to: &columns)
    #expect(columns.count == records.count)
    var result: [RejectionReason?] = []
    for index in 0..<columns.count {
      #expect(Int(columns.tenant[index]) < columns.tenants.count)
      #expect(Int(columns.operation[index]) < columns.operations.count)
      #expect(Int(columns.context[index]) < columns.contexts.count)
      #expect(columns.kind[index] < 3)
      #expect(array(columns.key(index)).count == Int(columns.keyLength[index]))
      result.append(RejectionReason(rawValue: columns.fault[index]))
    }
    return result
  }

  static let latest = Timestamp.latest.milliseconds

  static let cases: [(RawRecord, RejectionReason?)] = [
    (RawRecord(), nil),
    (RawRecord(descriptor: 1), nil),
    (RawRecord(descriptor: 2), nil),
    (RawRecord(descriptor: 3), .malformedRecord),
    (RawRecord(descriptor: 8), .malformedRecord),
    (RawRecord(descriptor: 16), .malformedRecord),
    (RawRecord(descriptor: 32), .malformedRecord),
    (RawRecord(descriptor: 64), .malformedRecord),
    (RawRecord(descriptor: 128), .malformedRecord),
    (RawRecord(tenant: 1), .nameEmpty),
    (RawRecord(tenant: 2), .textNotUTF8),
    (RawRecord(tenant: 3), .textContainsNull),
    (RawRecord(tenant: 4), .malformedRecord),
    (RawRecord(tenant: .max), .malformedRecord),
    (RawRecord(tenant: 1 << 32), .malformedRecord),
    (RawRecord(operation: 1), .nameEmpty),
    (RawRecord(operation: 2), .malformedRecord),
    (RawRecord(operation: .max), .malformedRecord),
    (RawRecord(context: 1), nil),
    (RawRecord(context: 2), nil),
    (RawRecord(context: 3), .malformedRecord),
    (RawRecord(context: 4), .textNotUTF8),
    (RawRecord(context: 5), .malformedRecord),
    (RawRecord(context: .max), .malformedRecord),
    (RawRecord(quantity: 0), nil),
    (RawRecord(quantity: .max), nil),
    (RawRecord(quantity: -1), .quantityNegative),
    (RawRecord(quantity: .min + 1), .quantityNegative),
    (RawRecord(quantity: .min), .quantityOutOfRange),
    (RawRecord(descriptor: 1, quantity: -1), .quantityNegative),
    (RawRecord(descriptor: 2, quantity: -1), nil),
    (RawRecord(descriptor: 2, quantity: .min + 1), nil),
    (RawRecord(descriptor: 2, quantity: .min), .quantityOutOfRange),
    (RawRecord(time: -1), .timeInvalid),
    (RawRecord(time: .min), .timeInvalid),
    (RawRecord(time: .max), .timeInvalid),
    (RawRecord(time: latest), nil),
    (RawRecord(time: latest + 1), .timeInvalid),
    (.text([0x6B]), nil),
    (.text([]), .keyEmpty),
    (.text([0]), .textContainsNull),
    (.text([0x61, 0]), .textContainsNull),
    (.text([0xFF, 0]), .textNotUTF8),
    (.text(Array("größe ✓ 😀".utf8)), nil),
    (.text([0xED, 0xA0, 0x80]), .textNotUTF8),
    (.text([0xF4, 0x90, 0x80, 0x80]), .textNotUTF8),
    (.text([0xC3]), .textNotUTF8),
    (.text([UInt8](repeating: 0x78, count: 255)), nil),
    (.text([UInt8](repeating: 0x78, count: 254) + [0x80]), .textNotUTF8),
    // The lowest of several reasons is reported.
    (RawRecord(descriptor: 3, tenant: 1, quantity: .min), .malformedRecord),
    (RawRecord(tenant: 2, operation: 1, quantity: -1), .textNotUTF8),
    (RawRecord(tenant: 1, time: -1, quantity: -1), .nameEmpty),
    (RawRecord(time: -1, quantity: -1), .quantityNegative),
  ]

  @Test(arguments: cases)
  func faultOfOneRecord(record: RawRecord, reason: RejectionReason?) throws {
    #expect(try faults([record]) == [reason])
    #expect(try faults([RawRecord(), record, RawRecord()]) == [nil, reason, nil])
  }

  @Test func tablesWithoutFaultsGiveTheSame() throws {
    for (record, reason) in Self.cases
    where record.tenant == 0 && record.operation == 0 && record.context < 3 {
      #expect(try faults([RawRecord(), record], soundTables: true) == [nil, reason])
    }
  }

  @Test func timesAtTheLimits() throws {
    let sums: [(Int64, Int64, RejectionReason?)] = [
      (.max, 1, .timeInvalid), (.max, .max, .timeInvalid), (.min, -1, .timeInvalid),
      (.min, .min, .timeInvalid), (.max, .min, .timeInvalid), (.min, .max, .timeInvalid),
      (.max, -.max, nil), (Self.latest, 0, nil), (Self.latest, 1, .timeInvalid),
      (1, -1, nil), (1, -2, .timeInvalid), (.max, Self.latest - .max, nil),
    ]
    for (base, delta, reason) in sums {
      #expect(try faults([RawRecord(time: delta)], base: base) == [reason], "\(base) \(delta)")
    }
  }

  /// Every text of one byte, and every seventh of two, against the standard library.
  @Test func textsOfOneAndTwoBytes() throws {
    let texts =
      (0...255).map { [UInt8($0)] }
      + stride(from: 0, through: 0xFFFF, by: 7).map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    for bytes in texts {
      var expected: RejectionReason?
      if String(validating: bytes, as: UTF8.self) == nil {
        expected = .textNotUTF8
      } else if bytes.contains(0) {
        expected = .textContainsNull
      }
      #expect(try faults([.text(bytes)]) == [expected], "\(bytes)")
    }
  }

  /// The check works on words of eight bytes: a bad byte is seen at every place in every length.
  @Test func badByteAtEveryPlace() throws {
    for length in 1...26 {
      let sound = [UInt8](repeating: 0x7F, count: length)
      #expect(try faults([.text(sound), .text(sound)]) == [nil, nil])
      for place in 0..<length {
        for (byte, reason) in [(0, RejectionReason.textContainsNull), (0x80, .textNotUTF8)] {
          var text = sound
          text[place] = UInt8(byte)
          #expect(try faults([.text(text), .text(sound)]) == [reason, nil])
        }
      }
    }
  }

  @Test func zeroLengthEverything() throws {
    var frame = RawFrame(tenantCount: 0, operationCount: 0)
    frame.body = [4, 0, 0, 0, 0, 0, 0]
    var columns = UsageColumns()
    try append(frame.bytes, to: &columns)
    #expect(columns.fault[0] == RejectionReason.malformedRecord.rawValue)
    #expect(array(columns.key(0)) == [])
    #expect(array(columns.tenants.name(Int(columns.tenant[0]))) == [])
    #expect(columns.contexts.type(0) == .other && columns.contexts.fault(0) == nil)
    for entry in 0..<columns.contexts.count {
      let typed = columns.contexts.typedName(entry)
      let name = columns.contexts.name(entry)
      #expect(typed.byteCount == name.byteCount + 1)
      let type = unsafe typed.unsafeLoad(as: UInt8.self)
      #expect(type == columns.contexts.type(entry).rawValue)
    }
  }
}
