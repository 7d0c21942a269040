/// Writes rows in the binary format of `COPY`, through a buffer that is sent when it is full.
///
/// Source of the format: PostgreSQL manual, `COPY`, "Binary Format": a header, for each row the
/// number of fields, for each field its length and its bytes, all big-endian.
@safe public struct BinaryCopyWriter: ~Copyable {
  /// Bytes after which the buffer is sent; large enough that system calls do not matter.
  private static let sendThreshold = 256 << 10

  private let connection: PostgresConnection
  private let columns: Int16
  private var base: UnsafeMutableRawPointer
  private var capacity = sendThreshold + (64 << 10)
  private var used = 0
  private var fieldsLeft: Int16 = 0

  init(connection: PostgresConnection, columns: Int16) {
    self.connection = connection
    self.columns = columns
    unsafe base = .allocate(byteCount: capacity, alignment: 16)
    for byte in "PGCOPY\n".utf8 { put(byte) }
    for byte: UInt8 in [0xFF, 0x0D, 0x0A, 0] { put(byte) }
    put(Int32(0))  // flags
    put(Int32(0))  // length of the header extension
  }

  deinit { unsafe base.deallocate() }

  /// Begins a row; as many fields as the copy has columns must follow.
  ///
  /// - Throws: ``PostgresError`` if a full buffer could not be sent.
  public mutating func beginRow() throws(PostgresError) {
    precondition(fieldsLeft == 0, "BUG: a row of COPY lacks \(fieldsLeft) fields")
    if used >= Self.sendThreshold { try send() }
    fieldsLeft = columns
    reserve(2)
    put(columns)
  }

  /// A field that is `NULL`.
  public mutating func null() {
    beginField(length: -1, reserving: 0)
  }

  /// A field of type `text`. U+0000 in it is refused by the server.
  public mutating func text(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      beginField(length: Int32(utf8.count), reserving: utf8.count)
      if let start = utf8.baseAddress {
        unsafe base.advanced(by: used).copyMemory(from: start, byteCount: utf8.count)
        used += utf8.count
      }
    }
  }

  /// A field of type `int2`.
  public mutating func int2(_ number: Int16) {
    beginField(length: 2, reserving: 2)
    put(number)
  }

  /// A field of type `int4`.
  public mutating func int4(_ number: Int32) {
    beginField(length: 4, reserving: 4)
    put(number)
  }

  /// A field of type `int8`.
  public mutating func int8(_ number: Int64) {
    beginField(length: 8, reserving: 8)
    put(number)
  }

  /// A field of type `numeric` that holds an integer.
  public mutating func numeric(_ number: Int128) {
    numeric(magnitude: number.magnitude, negative: number < 0)
  }

  /// A field of type `numeric` that holds an integer.
  public mutating func numeric(_ number: UInt128) {
    numeric(magnitude: number, negative: false)
  }

  /// A field of type `timestamptz`.
  ///
  /// - Parameter milliseconds: since 1970-01-01T00:00:00Z, between the years 1 and 9999; anything
  ///   else traps.
  public mutating func timestamp(milliseconds: Int64) {
    precondition(
      milliseconds >= -62_135_596_800_000 && milliseconds <= 253_402_300_799_999,
      "BUG: a time outside the years 1 to 9999 is written to Postgres")
    // Microseconds since 2000-01-01T00:00:00Z.
    beginField(length: 8, reserving: 8)
    put((milliseconds - 946_684_800_000) * 1_000)
  }

  /// A field of type `uuid`.
  ///
  /// - Parameter bits: the 16 bytes, the first one in the lowest bits.
  public mutating func uuid(_ bits: UInt128) {
    beginField(length: 16, reserving: 16)
    put(bits.byteSwapped)
  }

  /// A field of type `bytea`.
  public mutating func bytes(_ bytes: [UInt8]) {
    beginField(length: Int32(bytes.count), reserving: bytes.count)
    for byte in bytes { put(byte) }
  }

  /// Writes the trailer and sends what is left.
  mutating func finish() throws(PostgresError) {
    precondition(fieldsLeft == 0, "BUG: the last row of COPY lacks \(fieldsLeft) fields")
    reserve(2)
    put(Int16(-1))
    try send()
  }

  private mutating func numeric(magnitude: UInt128, negative: Bool) {
    let numeric = BinaryNumeric(magnitude: magnitude, negative: negative)
    let length = 8 + 2 * numeric.count
    beginField(length: Int32(length), reserving: length)
    put(Int16(numeric.count))
    put(Int16(numeric.weight))
    put(numeric.sign)
    put(Int16(0))  // no digits after the point
    for index in 0..<numeric.count { put(numeric.digit(index)) }
  }

  private mutating func beginField(length: Int32, reserving bytes: Int) {
    precondition(fieldsLeft > 0, "BUG: a row of COPY has more than \(columns) fields")
    fieldsLeft -= 1
    reserve(4 + bytes)
    put(length)
  }

  private mutating func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    unsafe base.storeBytes(of: number.bigEndian, toByteOffset: used, as: Number.self)
    used += MemoryLayout<Number>.size
  }

  /// Makes room; grows only for a text longer than what stands above the threshold.
  private mutating func reserve(_ bytes: Int) {
    guard used + bytes > capacity else { return }
    let larger = max(capacity * 2, used + bytes)
    let grown = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    unsafe grown.copyMemory(from: base, byteCount: used)
    unsafe base.deallocate()
    unsafe base = grown
    capacity = larger
  }

  private mutating func send() throws(PostgresError) {
    let filled = unsafe UnsafeRawBufferPointer(start: base, count: used)
    used = 0
    try unsafe connection.putCopyData(filled)
  }
}
