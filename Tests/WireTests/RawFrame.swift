import Wire

extension Array<UInt8> {
  /// The bytes as the decoder takes them.
  var raw: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }

  /// The bytes of this many hexadecimal digits.
  init?(hexadecimal text: String) {
    let digits = text.compactMap { $0.hexDigitValue }
    guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
    self = stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }
}

/// A frame written by hand, field by field, so that the tests can write what no encoder writes.
struct RawFrame {
  var magic: UInt32 = 0x5246_4257
  var version: UInt8 = 1
  var type: UInt8 = 1
  var source = Array("agent-1".utf8)
  var sourceLength: UInt8?
  var reserved7: UInt8 = 0
  var length: UInt32?
  var keyID: UInt32 = 7
  var epoch: UInt64 = 5
  var sequence: UInt64 = 1
  var highestSequence: UInt64 = 1
  var baseTime: Int64 = 1_700_000_000_000
  var recordCount: UInt16 = 1
  var tenantCount: UInt16 = 1
  var operationCount: UInt16 = 1
  var contextCount: UInt16 = 0
  var bodyLength: UInt32?
  var reserved60: UInt32 = 0
  var body: [UInt8] = [1, 0x74, 1, 0x6F] + RawRecord().bytes
  var paddedTo = 192
  var tag = [UInt8](repeating: 0xEE, count: 16)

  var bytes: [UInt8] {
    var rest = source + body
    let shortest = 64 + rest.count + 16
    rest += [UInt8](repeating: 0, count: max(0, paddedTo - shortest))
    var bytes: [UInt8] = []
    func put<Integer: FixedWidthInteger>(_ value: Integer) {
      for index in 0..<Integer.bitWidth / 8 {
        bytes.append(UInt8(truncatingIfNeeded: value >> (8 * Integer(index))))
      }
    }
    put(magic)
    bytes += [version, type, sourceLength ?? UInt8(source.count), reserved7]
    put(length ?? UInt32(64 + rest.count + 16))
    put(keyID)
    put(epoch)
    put(sequence)
    put(highestSequence)
    put(baseTime)
    put(recordCount)
    put(tenantCount)
    put(operationCount)
    put(contextCount)
    put(bodyLength ?? UInt32(body.count))
    put(reserved60)
    return bytes + rest + tag
  }
}

/// A record written by hand.
struct RawRecord {
  var descriptor: UInt8 = 0
  var tenant: UInt64 = 0
  var operation: UInt64 = 0
  var context: UInt64 = 0
  var time: Int64 = 0
  var quantity: Int64 = 1
  var key = [UInt8](0..<16)

  var bytes: [UInt8] {
    [descriptor] + varint(tenant) + varint(operation) + varint(context) + varint(zigzag(time))
      + varint(zigzag(quantity)) + key
  }

  static func text(_ key: [UInt8]) -> RawRecord {
    RawRecord(descriptor: 4, key: [UInt8(key.count)] + key)
  }
}

func varint(_ value: UInt64) -> [UInt8] {
  var rest = value
  var bytes: [UInt8] = []
  while rest > 127 {
    bytes.append(UInt8(rest % 128) + 128)
    rest /= 128
  }
  return bytes + [UInt8(rest)]
}

func zigzag(_ value: Int64) -> UInt64 {
  value < 0 ? ~UInt64(bitPattern: value) * 2 + 1 : UInt64(value) * 2
}

/// Parses and appends one frame.
func append(
  _ frame: [UInt8], to columns: inout UsageColumns, limits: WireLimits = .standard
) throws(WireError) {
  let header = try FrameHeader(parsing: frame.raw, limits: limits)
  try columns.append(frame: frame.raw, header: header)
}

/// The error that a frame is refused with, or nil.
func refusal(of frame: [UInt8], limits: WireLimits = .standard) -> WireError? {
  var columns = UsageColumns()
  do throws(WireError) {
    try append(frame, to: &columns, limits: limits)
    return nil
  } catch {
    precondition(columns.count == 0 && columns.frames.isEmpty && columns.keyBytes.isEmpty)
    return error
  }
}

func text(_ bytes: RawSpan) -> String {
  String(decoding: array(bytes), as: UTF8.self)
}

func array(_ bytes: RawSpan) -> [UInt8] {
  bytes.byteOffsets.map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
}
