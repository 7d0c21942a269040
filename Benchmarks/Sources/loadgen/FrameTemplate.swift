import Wire

/// What some records come to, for one tenant and kind.
struct Totals: Equatable {
  var records: Int64 = 0
  var quantity: Int128 = 0

  static func += (left: inout Totals, right: Totals) {
    left.records += right.records
    left.quantity += right.quantity
  }
}

/// A tenant and a kind, by which sums are compared.
struct TenantKind: Hashable {
  var tenant: String
  var kind: String
}

/// A frame that is encoded once and sent often: only its sequence, base time and keys are patched.
struct FrameTemplate {
  /// The bytes, with the keys of the last sending.
  private(set) var bytes: [UInt8]
  /// Where each record's key begins.
  private let keys: [Int]
  /// Records at the end that repeat the keys of the last sending.
  private let repeated: Int
  /// The sums of one sending without its repeated records, and of these alone.
  let fresh: [TenantKind: Totals]
  let duplicate: [TenantKind: Totals]
  /// How often it was sent.
  private(set) var sendings = 0

  var recordCount: Int { keys.count }
  /// Records of the next sending that are duplicates.
  var nextDuplicates: Int { sendings == 0 ? 0 : repeated }

  /// Fills a frame with the canonical mix.
  init(_ mix: inout CanonicalMix, source: SourceIdentity, keyID: KeyID, length: Int) throws {
    var encoder = try FrameEncoder(source: source, keyID: keyID, maximumLength: length)
    var records: [UsageRecord] = []
    while true {
      var record = mix.next()
      record.key = .raw(Self.marker(records.count))
      guard encoder.append(record) == .appended else { break }
      records.append(record)
    }
    var encoded: [UInt8] = []
    encoder.finish(sequence: 1, highestSequence: 1, to: &encoded) { _ in 0 }
    bytes = encoded
    var places: [Int] = []
    var start = 0
    for index in records.indices {
      start = Self.find(Self.marker(index), in: encoded, from: start)
      places.append(start)
    }
    keys = places
    repeated = records.count * mix.duplicatePercent / 100
    var sums: [[TenantKind: Totals]] = [[:], [:]]
    for (index, record) in records.enumerated() {
      let part = index < records.count - repeated ? 0 : 1
      let key = TenantKind(tenant: record.tenant, kind: record.kind.name)
      sums[part][key, default: Totals()] += Totals(
        records: 1, quantity: Int128(record.quantity))
    }
    (fresh, duplicate) = (sums[0], sums[1])
  }

  private static func marker(_ index: Int) -> UInt128 {
    0xA5A5_0F0F_A5A5_0F0F_0000_0000_0000_0000 | UInt128(index) << 32 | 0x7E57_7E57
  }

  private static func find(_ marker: UInt128, in bytes: [UInt8], from start: Int) -> Int {
    let wanted = (0..<16).map { UInt8(truncatingIfNeeded: marker >> UInt128($0 * 8)) }
    for offset in start...(bytes.count - 16) where bytes[offset] == wanted[0] {
      if Array(bytes[offset..<offset + 16]) == wanted { return offset }
    }
    preconditionFailure("BUG: a key that was encoded is not in the frame")
  }

  /// Makes the bytes those of another batch.
  ///
  /// - Parameters:
  ///   - sequence: the batch's number.
  ///   - time: the base time in milliseconds.
  ///   - counter: gives every fresh record a key that was never used.
  mutating func patch(sequence: UInt64, time: Int64, counter: inout UInt64) {
    let keys = self.keys
    let freshCount = sendings == 0 ? keys.count : keys.count - repeated
    sendings += 1
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    raw.storeBytes(of: sequence.littleEndian, toByteOffset: 24, as: UInt64.self)
    raw.storeBytes(of: sequence.littleEndian, toByteOffset: 32, as: UInt64.self)
    raw.storeBytes(of: time.littleEndian, toByteOffset: 40, as: Int64.self)
    for index in 0..<freshCount {
      counter &+= 1
      let mixed = (counter ^ (counter >> 30)) &* 0xBF58_476D_1CE4_E5B9
      raw.storeBytes(of: counter, toByteOffset: keys[index], as: UInt64.self)
      raw.storeBytes(of: mixed, toByteOffset: keys[index] + 8, as: UInt64.self)
    }
  }

  /// Writes the tag over everything before it.
  mutating func sign(_ tag: (RawSpan) -> UInt128) {
    let end = bytes.count - 16
    let value = unsafe tag(bytes.span.bytes.extracting(0..<end))
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    raw.storeBytes(of: value.littleEndian, toByteOffset: end, as: UInt128.self)
  }
}
