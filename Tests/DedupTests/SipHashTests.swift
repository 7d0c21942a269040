import Testing

@testable import Dedup

/// The key of the reference implementation's vectors: bytes 0 to 15. Messages are bytes 0, 1, 2 ...
private let k0: UInt64 = 0x0706_0504_0302_0100
private let k1: UInt64 = 0x0f0e_0d0c_0b0a_0908

/// A hash of 8 or 16 bytes as the vectors print it: little-endian, in hexadecimal.
private func hexadecimal(_ words: UInt64...) -> String {
  words.map { word in
    let digits = String(word.byteSwapped, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }.joined()
}

/// SipHash with any number of rounds, from the round of the product.
private func sipHash(
  count: Int, rounds: Int, finalRounds: Int, wide: Bool
) -> String {
  var state = SipHash(k0: k0, k1: k1, wide: wide)
  func repeatRound(_ times: Int) { for _ in 0..<times { state.round() } }
  var message = (0..<count).map { UInt8($0) }
  message += Array(repeating: 0, count: 7 - count % 8) + [UInt8(count)]
  for start in stride(from: 0, to: message.count, by: 8) {
    let word = message[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    state.v3 ^= word
    repeatRound(rounds)
    state.v0 ^= word
  }
  state.v2 ^= wide ? 0xee : 0xff
  repeatRound(finalRounds)
  let first = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  guard wide else { return hexadecimal(first) }
  state.v1 ^= 0xdd
  repeatRound(finalRounds)
  return hexadecimal(first, state.v0 ^ state.v1 ^ state.v2 ^ state.v3)
}

@Suite("SipHash")
struct SipHashTests {
  @Test(
    "the round and the two endings give the reference vectors of SipHash-2-4",
    arguments: [
      (0, "310e0edd47db6f72", "a3817f04ba25a8e66df67214c7550293"),
      (1, "fd67dc93c539f874", "da87c1d86b99af44347659119b22fc45"),
      (7, "37d1018bf50002ab", "a1f1ebbed8dbc153c0b84aa61ff08239"),
      (8, "6224939a79f5f593", "3b62a9ba6258f5610f83e264f31497b4"),
      (15, "e545be4961ca29a1", "5493e99933b0a8117e08ec0f97cfc3d9"),
      (63, "724506eb4c328a95", "5150d1772f50834a503e069a973fbd7c"),
    ])
  func referenceVectors(count: Int, narrow: String, wide: String) {
    #expect(sipHash(count: count, rounds: 2, finalRounds: 4, wide: false) == narrow)
    #expect(sipHash(count: count, rounds: 2, finalRounds: 4, wide: true) == wide)
  }

  @Test(
    "SipHash-1-3 gives the values of two other implementations",
    arguments: [
      (0, "dcc40f055801acab", "e77ebcb22788a5befd62db6add303001"),
      (1, "93ca577df39bf4c9", "fc6f370460d3eda85e0573cc2b2ff063"),
      (7, "4011b19b987d92d3", "1084b923f2aae0c3a62f2ec80848ab77"),
      (8, "8e9a298d11959036", "aa12fee1d5e3dab4724f16ab35f9c799"),
      (15, "5699512a6dd820d3", "c17e5505b2bd526c2921cdec1e7e0109"),
      (16, "668b907d1add4fcc", "d0a8d95715518eebb513b0f83d9e1793"),
      (63, "a8b3bbb76290199d", "4c5800e34efe426f079f6b0aa75260ad"),
    ])
  func independentValues(count: Int, narrow: String, wide: String) {
    let message = (0..<count).map { UInt8($0) }
    let hasher = KeyHasher(HashSecret(k0: k0, k1: k1))
    let word = unsafe hasher.word(of: message.span.bytes)
    #expect(hexadecimal(word) == narrow)
    var state = SipHash(k0: k0, k1: k1, wide: true)
    let tail = unsafe state.absorbWords(of: message.span.bytes)
    let hash = state.finish128(tail | UInt64(count) << 56)
    #expect(hexadecimal(hash.low, hash.high) == wide)
  }
}

@Suite("Key hasher")
struct KeyHasherTests {
  private let hasher = KeyHasher(HashSecret(k0: k0, k1: k1))

  private func hash(_ tenant: [UInt8], _ key: [UInt8], _ form: UInt8) -> KeyHash {
    unsafe hasher.hash(
      key: key.span.bytes, form: form, in: hasher.scope(tenant: tenant.span.bytes))
  }

  @Test("a key's hash has the value that files and recovery rely on")
  func fixedValues() {
    let table: [(String, [UInt8], UInt8, String)] = [
      ("acme", (0..<16).map { $0 }, 0, "b9255391925b1d557721e7c26b5783e8"),
      ("acme", (0..<16).map { $0 }, 1, "759133a68b95a3b25e9c1341ced28b72"),
      ("tenants", Array("order-1".utf8), 1, "2455a361e4455babc0666221175afe8e"),
      ("tenant-8", Array("order-12".utf8), 1, "eb29a6be27add58fbb41b8157736421b"),
      ("a", [], 1, "4763c8cd4059a3a1c393c92aba31def2"),
      (
        String(repeating: "x", count: 255), Array(repeating: 0x6b, count: 255), 1,
        "2efed2ed8c4f362ad5b3b650d8ba45a9"
      ),
    ]
    for (tenant, key, form, expected) in table {
      let value = hash(Array(tenant.utf8), key, form)
      #expect(hexadecimal(value.low, value.high) == expected)
    }
  }

  @Test("sixteen bytes as two words hash like sixteen bytes, under tenants of every length")
  func fastPath() {
    let key = (0..<16).map { UInt8($0) }
    for length in 0...255 {
      let tenant = [UInt8](repeating: 0x74, count: length)
      let scope = unsafe hasher.scope(tenant: tenant.span.bytes)
      for form: UInt8 in 0...1 {
        #expect(hasher.hash16(k0, k1, form: form, in: scope) == hash(tenant, key, form))
      }
    }
  }

  @Test("tenant, key and form cannot trade bytes")
  func boundaries() {
    var seen: Set<KeyHash> = []
    let bytes: [UInt8] = [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    var count = 0
    for cut in 0...bytes.count {
      for end in cut...bytes.count {
        for form: UInt8 in 0...1 {
          seen.insert(hash(Array(bytes[..<cut]), Array(bytes[cut..<end]), form))
          count += 1
        }
      }
    }
    // Equal pairs of tenant and key do not occur: the cut gives the tenant's length.
    #expect(seen.count == count)
  }

  @Test("words and a tail hash like their bytes")
  func words() {
    let words: [UInt64] = [1, 2 << 40, .max, 0, 5, 0x0123_4567_89ab_cdef, 7]
    let tail: UInt32 = 0x89ab_cdef
    func expected(_ count: Int) -> UInt64 {
      var bytes = words.prefix(count).flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
      }
      bytes += [0xef, 0xcd, 0xab, 0x89]
      return unsafe hasher.word(of: bytes.span.bytes)
    }
    let (a, b, c, d, e, f, g) = (
      words[0], words[1], words[2], words[3], words[4], words[5], words[6]
    )
    #expect(hasher.word([a], tail: tail) == expected(1))
    #expect(hasher.word([a, b, c], tail: tail) == expected(3))
    #expect(hasher.word([a, b, c, d, e, f, g], tail: tail) == expected(7))
  }

  @Test("a secret shows its fingerprint and nothing else")
  func secrecy() {
    let secret = HashSecret(k0: k0, k1: k1)
    var dumped = ""
    dump(secret, to: &dumped)
    dump(hasher, to: &dumped)
    let tenant = Array("acme".utf8)
    let scope = unsafe hasher.scope(tenant: tenant.span.bytes)
    dump(scope, to: &dumped)
    dumped +=
      "\(secret) \(hasher) \(String(reflecting: secret)) \(String(reflecting: hasher)) \(scope)"
    #expect(!dumped.contains(String(k0)) && !dumped.contains(String(k1)))
    #expect(!dumped.contains("v0"))
    #expect(secret.fingerprint != HashSecret(k0: k0, k1: k1 ^ 1).fingerprint)
    #expect(secret.fingerprint == HashSecret(k0: k0, k1: k1).fingerprint)
    #expect("\(secret)".contains(HashSecret.text(ofFingerprint: secret.fingerprint)))
    #expect(HashSecret.text(ofFingerprint: 0x0A_0102) == "02010a0000000000")
  }
}
