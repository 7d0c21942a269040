import Metering
import SeededRandom
import Testing

@Suite("Name tables")
struct NamesTableTests {
  /// Hashes from good to as bad as can be: the table must be right with all of them.
  enum Hashing: CaseIterable {
    case good
    case constant
    case sameLowHalf
    case sameHighHalf
    case twoValues

    func callAsFunction(_ bytes: [UInt8]) -> UInt64 {
      var seed = UInt64(bytes.count)
      for byte in bytes { seed = (seed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      var random = SplitMix64(seed: seed)
      let good = random.next()
      return switch self {
      case .good: good
      case .constant: .max
      case .sameLowHalf: good & 0xFFFF_FFFF_0000_0000
      case .sameHighHalf: good & 0xFFFF_FFFF
      case .twoValues: good & 1
      }
    }
  }

  @Test("Random names agree with a dictionary", arguments: Hashing.allCases)
  func model(_ hashing: Hashing) {
    var random = SplitMix64(seed: 7)
    var table = NameTable(limit: 600)
    var model: [[UInt8]: UInt32] = [:]
    var names: [[UInt8]] = []
    for _ in 0..<4_000 {
      let length = Int.random(in: 0...9, using: &random)
      let name = (0..<length).map { _ in UInt8.random(in: 0...2, using: &random) }
      let hash = hashing(name)
      #expect(unsafe table.find(name.span.bytes, hash: hash) == model[name])
      let number = unsafe table.intern(name.span.bytes, hash: hash)
      if model[name] == nil && names.count < 600 {
        model[name] = UInt32(names.count)
        names.append(name)
      }
      #expect(number == model[name])
      #expect(table.count == names.count)
    }
    #expect(names.count == 600)
    for (index, name) in names.enumerated() {
      let number = UInt32(index)
      let bytes = table.withBytes(of: number) { span in
        unsafe span.withUnsafeBytes { unsafe Array($0) }
      }
      #expect(bytes == name)
    }
  }

  @Test("Every length from 0 to 256, and a difference in any byte")
  func lengths() {
    var table = NameTable(limit: 70_000)
    var number: UInt32 = 0
    #expect(NameTable.maximumNameLength == 256)
    for length in 0...256 {
      let name = [UInt8](repeating: UInt8(ascii: "x"), count: length)
      #expect(unsafe table.intern(name.span.bytes, hash: 1 << 40) == number)
      number += 1
    }
    for place in 0..<256 {
      var name = [UInt8](repeating: UInt8(ascii: "x"), count: 256)
      name[place] ^= 1
      #expect(unsafe table.find(name.span.bytes, hash: 1 << 40) == nil)
    }
    #expect(table.name(of: 0) == "")
    #expect(table.name(of: 256) == String(repeating: "x", count: 256))
    #expect(table.name(of: 7).utf8.count == 7)
  }

  @Test("A name that admission should have refused stops the process")
  func tooLong() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var table = NameTable(limit: 1)
      let name = [UInt8](repeating: UInt8(ascii: "x"), count: 257)
      _ = unsafe table.intern(name.span.bytes, hash: 1)
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("BUG: a name is longer than admission allows"))
  }

  @Test("Many names fill many chunks and stay where they are")
  func manyNames() {
    var table = NameTable(limit: 50_000)
    let hashing = Hashing.good
    for index in 0..<50_000 {
      let name = Array("tenant-\(index)-\(String(repeating: "p", count: index % 40))".utf8)
      #expect(unsafe table.intern(name.span.bytes, hash: hashing(name)) == UInt32(index))
    }
    let extra = Array("one too many".utf8)
    #expect(unsafe table.intern(extra.span.bytes, hash: 5) == nil)
    for index in stride(from: 0, to: 50_000, by: 7) {
      let name = "tenant-\(index)-\(String(repeating: "p", count: index % 40))"
      #expect(table.name(of: UInt32(index)) == name)
      let bytes = Array(name.utf8)
      #expect(unsafe table.find(bytes.span.bytes, hash: hashing(bytes)) == UInt32(index))
    }
    #expect(table.byteCount > 50_000 * 30 && table.byteCount < 50_000 * 120)
  }

  @Test("A limit of zero takes nothing")
  func noRoom() {
    var table = NameTable(limit: 0)
    #expect(unsafe table.intern([1].span.bytes, hash: 0) == nil)
    #expect(table.count == 0)
  }
}
