import Postgres
import SeededRandom
import Testing

@Suite("Binary COPY")
struct BinaryCopyTests {
  /// Powers of ten and of two with their neighbours, and numbers of every bit length.
  private static func magnitudes() -> [UInt128] {
    var numbers: [UInt128] = [0, UInt128.max, UInt128(Int128.max), UInt128(Int128.max) + 1]
    var power: UInt128 = 1
    for _ in 0..<38 {
      numbers += [power - 1, power, power + 1]
      power *= 10
    }
    var random = SplitMix64(seed: 7)
    for bits in 1...128 {
      let full = UInt128(random.next()) << 64 | UInt128(random.next())
      let cut = full >> UInt128(128 - bits)
      numbers += [cut, (UInt128(1) << UInt128(bits - 1)), cut / 10_000 * 10_000]
    }
    return numbers
  }

  @Test("numeric keeps every integer of 128 bits")
  func numericRoundTrip() throws {
    let connection = try ScratchCluster.connect()
    let unsigned = Self.magnitudes()
    let signed = [Int128.min] + unsigned.compactMap { Int128(exactly: $0) }
    try connection.execute("CREATE TEMP TABLE numbers (id int8, number numeric)")
    let taken = try connection.copy(into: "numbers", columns: 2) {
      (writer: inout BinaryCopyWriter) throws(PostgresError) in
      var id: Int64 = 0
      for number in unsigned {
        try writer.beginRow()
        writer.int8(id)
        writer.numeric(number)
        id += 1
      }
      for number in signed {
        for value in [number, number == .min ? number : -number] {
          try writer.beginRow()
          writer.int8(id)
          writer.numeric(value)
          id += 1
        }
      }
    }
    var expected = unsigned.map { "\($0)" }
    for number in signed { expected += ["\(number)", "\(number == .min ? number : -number)"] }
    #expect(taken == expected.count)
    // As text, and again after arithmetic, which trusts the digits to be in their normal form.
    let rows = try connection.execute(
      "SELECT number, number - 1 + 1, number = number::text::numeric FROM numbers ORDER BY id")
    #expect((0..<rows.count).map { rows.text($0, 0) } == expected)
    #expect((0..<rows.count).map { rows.text($0, 1) } == expected)
    #expect((0..<rows.count).allSatisfy { rows.boolean($0, 2) })
    for row in 0..<unsigned.count {
      #expect(try rows.integer(row, 0, as: UInt128.self) == unsigned[row])
    }
    let low = try connection.execute("SELECT \(Int128.min)::numeric")
    #expect(try low.integer(0, 0, as: Int128.self) == .min)
  }

  @Test("every type, NULL, and a text longer than the buffer arrive as they were")
  func types() throws {
    let connection = try ScratchCluster.connect()
    let long = String(repeating: "añ☃𝄞", count: 60_000)
    try connection.execute(
      """
      CREATE TEMP TABLE kinds (t text, i2 int2, i4 int4, i8 int8, at timestamptz, u uuid, b bytea)
      """)
    try connection.copy(into: "kinds", columns: 7) {
      (writer: inout BinaryCopyWriter) throws(PostgresError) in
      try writer.beginRow()
      writer.text(long)
      writer.int2(.min)
      writer.int4(.min)
      writer.int8(.min)
      writer.timestamp(milliseconds: 253_402_300_799_999)
      writer.uuid(0x0F0E_0D0C_0B0A_0908_0706_0504_0302_0100)
      writer.bytes([0, 255, 7])
      try writer.beginRow()
      for _ in 0..<5 { writer.null() }
      writer.null()
      writer.null()
      try writer.beginRow()
      writer.text("")
      writer.int2(.max)
      writer.int4(.max)
      writer.int8(.max)
      writer.timestamp(milliseconds: -62_135_596_800_000)
      writer.uuid(.max)
      writer.bytes([])
    }
    let rows = try connection.execute("SELECT * FROM kinds")
    #expect(rows.text(0, 0) == long)
    #expect(
      (1..<7).map { rows.text(0, $0) } == [
        "-32768", "-2147483648", "-9223372036854775808", "9999-12-31 23:59:59.999+00",
        "00010203-0405-0607-0809-0a0b0c0d0e0f", "\\x00ff07",
      ])
    #expect((0..<7).allSatisfy { rows.isNull(1, $0) && rows.optionalText(1, $0) == nil })
    #expect(!rows.isNull(2, 0))
    #expect(
      (0..<7).map { rows.text(2, $0) } == [
        "", "32767", "2147483647", "9223372036854775807", "0001-01-01 00:00:00+00",
        "ffffffff-ffff-ffff-ffff-ffffffffffff", "\\x",
      ])
  }

  @Test("a writer that fails leaves no row and a session that works")
  func writerFails() throws {
    let connection = try ScratchCluster.connect()
    try connection.execute("CREATE TEMP TABLE kept (i int8)")
    let complaint = PostgresError(sqlState: nil, message: "enough", statement: "test")
    #expect(throws: complaint) {
      try connection.copy(into: "kept", columns: 1) {
        (writer: inout BinaryCopyWriter) throws(PostgresError) in
        for number in 0..<100_000 {
          try writer.beginRow()
          writer.int8(Int64(number))
        }
        throw complaint
      }
    }
    #expect(try connection.execute("SELECT count(*) FROM kept").text(0, 0) == "0")
  }

  @Test("a refusal of the server is thrown with its SQLSTATE")
  func serverRefuses() throws {
    let connection = try ScratchCluster.connect()
    try connection.execute("CREATE TEMP TABLE single (i int8 PRIMARY KEY)")
    let error = #expect(throws: PostgresError.self) {
      try connection.copy(into: "single", columns: 1) {
        (writer: inout BinaryCopyWriter) throws(PostgresError) in
        for _ in 0..<2 {
          try writer.beginRow()
          writer.int8(5)
        }
      }
    }
    #expect(error?.sqlState == "23505")
    #expect(error?.isConnectionLost == false)
    #expect(try connection.execute("SELECT 1").integer(0, 0) == 1)
  }
}
