import CIntrinsics
import Glibc
import SeededRandom
import Testing

@testable import Dedup

@Suite("Hashes side by side")
struct LaneTests {
  private let hasher = KeyHasher(HashSecret(k0: 3, k1: 5))
  private let scopes: [TenantScope]

  init() {
    let hasher = hasher
    scopes = (0..<50).map { number in
      let name = [UInt8](repeating: UInt8(number), count: number * 5)
      return unsafe hasher.scope(tenant: name.span.bytes)
    }
  }

  /// Keys of these lengths one behind the other, of random bytes, forms and tenants; their targets
  /// go backwards.
  private func makeKeys(_ lengths: [Int], seed: UInt64) -> (bytes: [UInt8], places: [KeyPlace]) {
    var mix = SplitMix64(seed: seed)
    var places: [KeyPlace] = []
    var offset = 0
    for (number, length) in lengths.enumerated() {
      places.append(
        KeyPlace(
          offset: UInt32(offset), length: UInt8(length), form: UInt8(mix.next() % 2),
          scope: UInt32(mix.next() % UInt64(scopes.count)),
          target: UInt32(lengths.count - 1 - number)))
      offset += length
    }
    // No byte behind the last key: the address sanitizer sees a load that goes too far.
    return ((0..<offset).map { _ in UInt8(truncatingIfNeeded: mix.next()) }, places)
  }

  /// The targets whose hashes are not those of the keys alone.
  private func differing(_ bytes: [UInt8], _ places: [KeyPlace]) -> [UInt32] {
    var hashes = [KeyHash](repeating: KeyHash(high: 0, low: 0), count: places.count)
    var span = hashes.mutableSpan
    unsafe hasher.hash(
      keys: bytes.span.bytes, at: places.span, in: scopes.span, into: &span)
    return places.filter { place in
      let key = bytes[Int(place.offset)..<Int(place.offset) + Int(place.length)]
      let alone = unsafe hasher.hash(
        key: key.span.bytes, form: place.form, in: scopes[Int(place.scope)])
      return hashes[Int(place.target)] != alone
    }.map(\.target)
  }

  @Test("keys of one length hash like each key alone, for every length")
  func oneLength() {
    for length in 0...255 {
      let (bytes, places) = makeKeys(
        Array(repeating: length, count: 24), seed: UInt64(length))
      #expect(differing(bytes, places) == [], "length \(length)")
    }
  }

  @Test("keys of many lengths hash like each key alone", arguments: [4, 12, 40, 256])
  func manyLengths(below limit: UInt64) {
    var mix = SplitMix64(seed: limit)
    for seed in 0..<50 as Range<UInt64> {
      let (bytes, places) = makeKeys(
        (0..<64).map { _ in Int(mix.next() % limit) }, seed: seed)
      #expect(differing(bytes, places) == [], "seed \(seed)")
    }
  }

  @Test("one key that is longer or shorter changes no other, in every lane")
  func oneOther() {
    for lane in 0..<8 {
      for length in [0, 7, 8, 15, 16, 23, 24, 31, 255] {
        var lengths = Array(repeating: 16, count: 8)
        lengths[lane] = length
        let (bytes, places) = makeKeys(lengths, seed: UInt64(length))
        #expect(differing(bytes, places) == [], "lane \(lane), length \(length)")
      }
    }
  }

  @Test("nothing around the keys is read")
  func fencedKeys() async {
    await #expect(processExitsWith: .success) {
      // No page may be touched but the one in the middle, which the keys fill.
      let page = 65_536
      let fence = unsafe try #require(mmap(nil, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0))
      let middle = unsafe UnsafeMutableRawBufferPointer(start: fence + page, count: page)
      try #require(unsafe mprotect(middle.baseAddress, page, PROT_READ | PROT_WRITE) == 0)
      unsafe middle.initializeMemory(as: UInt8.self, repeating: 0x6b)
      let tests = LaneTests()
      var mix = SplitMix64(seed: 1)
      for length in 0..<32 {
        for count in 1...16 {
          let isEqual = mix.next() % 2 == 0
          let places = (0..<count).map { number in
            let length = isEqual ? length : Int(mix.next() % 32)
            return KeyPlace(
              offset: UInt32(number % 2 == 0 ? 0 : page - length), length: UInt8(length), form: 1,
              scope: 0, target: UInt32(number))
          }
          var hashes = [KeyHash](repeating: KeyHash(high: 0, low: 0), count: count)
          var span = hashes.mutableSpan
          let bytes = unsafe middle.bytes
          tests.hasher.hash(keys: bytes, at: places.span, in: tests.scopes.span, into: &span)
        }
      }
    }
  }

  @Test("any number of keys is hashed, and nothing else is written", arguments: 0...17)
  func anyCount(_ count: Int) {
    let (bytes, places) = makeKeys(Array(repeating: 16, count: count), seed: 1)
    #expect(differing(bytes, places) == [])
    let untouched = KeyHash(high: 1, low: 2)
    var hashes = [KeyHash](repeating: untouched, count: count + 8)
    var span = hashes.mutableSpan
    unsafe hasher.hash(
      keys: bytes.span.bytes, at: places.span, in: scopes.span, into: &span)
    #expect(hashes[count...].allSatisfy { $0 == untouched })
    #expect(!hashes[..<count].contains(untouched))
  }

  @Test("a place outside the bytes, the scopes or the hashes traps")
  func outside() async throws {
    let results = [
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        LaneTests().hashOne(offset: 1)
      },
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        LaneTests().hashOne(offset: .max)
      },
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        LaneTests().hashOne(scope: 50)
      },
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        LaneTests().hashOne(scope: .max)
      },
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        LaneTests().hashOne(target: 1)
      },
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        LaneTests().hashOne(target: .max)
      },
    ]
    for result in results {
      let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(message.contains("BUG: a key outside"))
    }
    await #expect(processExitsWith: .success) { LaneTests().hashOne(scope: 49) }
  }

  private func hashOne(offset: UInt32 = 0, scope: UInt32 = 0, target: UInt32 = 0) {
    let bytes = [UInt8](repeating: 0, count: 16)
    let places = [KeyPlace(offset: offset, length: 16, form: 0, scope: scope, target: target)]
    var hashes = [KeyHash(high: 0, low: 0)]
    var span = hashes.mutableSpan
    unsafe hasher.hash(
      keys: bytes.span.bytes, at: places.span, in: scopes.span, into: &span)
  }

  @Test("messages hash like each alone, in any number", arguments: 0...17)
  func messages(_ count: Int) {
    var mix = SplitMix64(seed: UInt64(count))
    let messages = (0..<count).map { _ in
      DigestMessage(
        InlineArray { _ in mix.next() }, tail: UInt32(truncatingIfNeeded: mix.next()))
    }
    var hashes = [UInt64](repeating: 0, count: count)
    var span = hashes.mutableSpan
    hasher.words(of: messages.span, into: &span)
    #expect(hashes == messages.map { hasher.word($0.words, tail: $0.tail) })
  }

  @Test("C and Swift have the same fields at the same places")
  func layouts() {
    #expect(MemoryLayout<TenantScope>.stride == MemoryLayout<wb_scope>.stride)
    #expect(MemoryLayout<KeyHash>.stride == MemoryLayout<wb_key_hash>.stride)
    #expect(MemoryLayout<KeyPlace>.stride == MemoryLayout<wb_key_place>.stride)
    #expect(MemoryLayout<DigestMessage>.stride == MemoryLayout<wb_digest_message>.stride)
    #expect(
      MemoryLayout.offset(of: \TenantScope.byteCount)
        == MemoryLayout.offset(of: \wb_scope.byte_count))
    #expect(MemoryLayout.offset(of: \KeyPlace.form) == MemoryLayout.offset(of: \wb_key_place.form))
    #expect(
      MemoryLayout.offset(of: \DigestMessage.tail)
        == MemoryLayout.offset(of: \wb_digest_message.tail))
  }
}
