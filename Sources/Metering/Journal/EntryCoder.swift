public import SegmentLog

/// An entry of the log that its checksum vouches for but that does not follow the format.
public struct JournalError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The position of the block that holds the entry.
  public var position: LogPosition
  /// What does not follow the format.
  public var problem: String

  /// An entry that does not follow the format.
  public init(position: LogPosition, problem: String) {
    self.position = position
    self.problem = problem
  }

  /// The position and the problem.
  public var description: String { "log position \(position.rawValue): \(problem)" }
}

/// Writes the fields of a control entry: varints (LEB128), fixed words and text.
struct EntryWriter {
  private(set) var bytes: [UInt8] = []

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func signed(_ value: Int64) {
    varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  mutating func word(_ value: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }

  mutating func doubleWord(_ value: UInt128) {
    word(UInt64(truncatingIfNeeded: value))
    word(UInt64(truncatingIfNeeded: value >> 64))
  }

  mutating func blob(_ value: [UInt8]) {
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func text(_ value: String) { blob(Array(value.utf8)) }
}

/// Reads what ``EntryWriter`` wrote; whatever the bytes are, it throws and never traps.
struct EntryReader {
  private let bytes: [UInt8]
  private var offset = 0
  private let position: LogPosition

  init(_ bytes: [UInt8], at position: LogPosition) {
    self.bytes = bytes
    self.position = position
  }

  func failure(_ problem: String) -> JournalError {
    JournalError(position: position, problem: problem)
  }

  mutating func byte() throws(JournalError) -> UInt8 {
    guard offset < bytes.count else { throw failure("the entry ends at byte \(offset)") }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func varint() throws(JournalError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let next = try byte()
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
    throw failure("a varint of more than 10 bytes at byte \(offset)")
  }

  mutating func signed() throws(JournalError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// A signed number that fits 32 bits.
  mutating func signed32(_ what: String) throws(JournalError) -> Int32 {
    let value = try signed()
    guard let narrow = Int32(exactly: value) else {
      throw failure("\(what) is \(value); it must fit 32 bits")
    }
    return narrow
  }

  mutating func word() throws(JournalError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 8) { value |= UInt64(try byte()) << UInt64(shift) }
    return value
  }

  mutating func doubleWord() throws(JournalError) -> UInt128 {
    let low = UInt128(try word())
    return low | UInt128(try word()) << 64
  }

  /// A number of following items, each of which takes at least one byte.
  mutating func count(_ what: String) throws(JournalError) -> Int {
    let value = try varint()
    guard value <= UInt64(bytes.count - offset) else {
      throw failure("\(what): \(value) items in \(bytes.count - offset) bytes")
    }
    return Int(value)
  }

  mutating func blob(_ what: String) throws(JournalError) -> [UInt8] {
    let length = try count(what)
    defer { offset += length }
    return Array(bytes[offset..<offset + length])
  }

  mutating func text(_ what: String) throws(JournalError) -> String {
    guard let value = String(validating: try blob(what), as: UTF8.self) else {
      throw failure("\(what) is not UTF-8")
    }
    return value
  }

  func finish() throws(JournalError) {
    guard offset == bytes.count else {
      throw failure("\(bytes.count - offset) bytes behind the entry")
    }
  }
}
