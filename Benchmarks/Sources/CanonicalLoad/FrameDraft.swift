internal import Wire

/// What a record of a frame is, from the second time on that the frame is sent.
enum RecordRole {
  /// A key that was never used.
  case fresh
  /// The key and payload of another record of the frame, as they were the last time.
  case duplicate(of: Int)
  /// The key of another record of the frame, with another quantity.
  case conflict(with: Int)
  /// A key that was never used, and a time in a finalized period.
  case late
}

/// One usage frame while it is composed, and the places in it that change from batch to batch.
///
/// It is written from the article *Wire format* alone, without the encoder of the service's own
/// sender, and then read back with the service's decoder: each checks the other.
struct FrameDraft {
  /// The frame, with zeros for keys and times.
  private(set) var bytes: [UInt8] = []
  private(set) var shapes: [RecordShape] = []
  private(set) var roles: [RecordRole] = []
  /// Where the changing part of each key begins.
  private(set) var keyOffsets: [Int] = []
  /// Where the time of each record begins; of records that are not fresh it has always five bytes.
  private(set) var timeOffsets: [Int] = []

  /// A time that is written over: a varint of five bytes, which is enough for 198 days.
  private static let blankTime: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0]

  /// Fills a frame of exactly this many bytes from the mix, with padding for what no record fits.
  ///
  /// Frames of one length can leave in one buffer that the kernel cuts.
  ///
  /// - Parameter source: the name of the source; names of one load are equally long.
  init(
    _ mix: inout CanonicalMix, random: inout SplitMix64, source: String, epoch: UInt64,
    keyID: UInt32, keys: KeyForm, length: Int, shares: MixShares
  ) {
    var tenants = NameList()
    var operations = NameList()
    var contexts = NameList()
    var body: [UInt8] = []
    let fixed = 64 + source.utf8.count + 16
    while shapes.count < WireLimits.mostRecords {
      // A record that does not fit begins the next frame.
      var nextMix = mix
      let (shape, role) = draw(&nextMix, &random, shares)
      var (nextTenants, nextOperations, nextContexts) = (tenants, operations, contexts)
      let tenant = nextTenants.index(CanonicalMix.tenantName(shape.tenant))
      let operation = nextOperations.index(CanonicalMix.operationNames[shape.operation])
      let context =
        shape.context == 0
        ? 0 : nextContexts.index(CanonicalMix.projectName(shape.context), type: 0) + 1
      var record: [UInt8] = [shape.kind.rawValue | (keys == .raw ? 0 : 4)]
      for value in [tenant, operation, context] { record.append(varint: UInt64(value)) }
      let timeOffset = record.count
      if case .fresh = role {
        record.append(varint: UInt64(shape.delay) << 1)
      } else {
        record += Self.blankTime
      }
      record.append(varint: UInt64(bitPattern: (shape.quantity << 1) ^ (shape.quantity >> 63)))
      if keys != .raw { record.append(UInt8(keys.byteCount)) }
      let keyOffset = record.count + keys.prefix.count
      record += keys.prefix + [UInt8](repeating: 0x30, count: 16)
      let tables = nextTenants.bytes.count + nextOperations.bytes.count + nextContexts.bytes.count
      guard fixed + tables + body.count + record.count <= length else { break }
      mix = nextMix
      (tenants, operations, contexts) = (nextTenants, nextOperations, nextContexts)
      timeOffsets.append(body.count + timeOffset)
      keyOffsets.append(body.count + keyOffset)
      body += record
      shapes.append(shape)
      roles.append(role)
    }
    let tables = tenants.bytes + operations.bytes + contexts.bytes
    let start = 64 + source.utf8.count + tables.count
    for index in shapes.indices {
      timeOffsets[index] += start
      keyOffsets[index] += start
    }
    bytes = header(
      source: source, epoch: epoch, keyID: keyID, bodyLength: tables.count + body.count,
      counts: [shapes.count, tenants.count, operations.count, contexts.count])
    bytes += Array(source.utf8) + tables + body
    bytes += [UInt8](repeating: 0, count: length - bytes.count)
    bytes.store(UInt32(bytes.count), at: 8)
  }

  private func draw(
    _ mix: inout CanonicalMix, _ random: inout SplitMix64, _ shares: MixShares
  ) -> (RecordShape, RecordRole) {
    let chance = Int.random(in: 0..<10_000, using: &random)
    let repeated = shares.duplicates + shares.conflicts
    if chance >= repeated, chance < repeated + shares.late { return (mix.next(), .late) }
    let fresh = roles.indices.filter { if case .fresh = roles[$0] { true } else { false } }
    guard chance < repeated, let other = fresh.randomElement(using: &random) else {
      return (mix.next(), .fresh)
    }
    var shape = shapes[other]
    if chance < shares.duplicates { return (shape, .duplicate(of: other)) }
    shape.quantity += 1
    return (shape, .conflict(with: other))
  }

  private func header(
    source: String, epoch: UInt64, keyID: UInt32, bodyLength: Int, counts: [Int]
  ) -> [UInt8] {
    var header = Array("WBFR".utf8) + [1, 1, UInt8(source.utf8.count), 0]
    header += [UInt8](repeating: 0, count: 56)
    header.store(keyID, at: 12)
    header.store(epoch, at: 16)
    header.store(1 as UInt64, at: 24)
    header.store(1 as UInt64, at: 32)
    for (index, count) in counts.enumerated() { header.store(UInt16(count), at: 48 + 2 * index) }
    header.store(UInt32(bodyLength), at: 56)
    return header
  }
}

/// A table of a frame: each name once.
private struct NameList {
  private(set) var bytes: [UInt8] = []
  private var indices: [String: Int] = [:]

  var count: Int { indices.count }

  mutating func index(_ name: String, type: UInt8? = nil) -> Int {
    if let known = indices[name] { return known }
    let index = indices.count
    indices[name] = index
    if let type { bytes.append(type) }
    bytes.append(UInt8(name.utf8.count))
    bytes += Array(name.utf8)
    return index
  }
}

extension [UInt8] {
  fileprivate mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Writes an integer, lowest byte first.
  mutating func store<Integer: FixedWidthInteger & UnsignedInteger>(
    _ value: Integer, at offset: Int
  ) {
    for index in 0..<Integer.bitWidth / 8 {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> Integer(8 * index))
    }
  }
}
