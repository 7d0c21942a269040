import Authentication
import Testing

@Suite struct KeyRingTests {
  private let first = [UInt8](repeating: 0xa1, count: 16)
  private let second = [UInt8](repeating: 0xb2, count: 32)

  @Test func aKeyIsFoundByItsID() throws {
    let ring = try KeyRing([
      (id: 7, secret: first, sources: []), (id: .max, secret: second, sources: []),
    ])
    let message: [UInt8] = [1, 2, 3]
    #expect(ring.count == 2)
    #expect(ring.ids == [7, .max])
    #expect(ring[0] == nil)
    #expect(ring[8] == nil)
    for (id, secret) in [(7, first), (UInt32.max, second)] {
      let found = unsafe ring[id]?.authenticator.tag(of: message.span.bytes)
      let expected = unsafe MessageAuthenticator(secret: secret).tag(of: message.span.bytes)
      #expect(found == expected)
    }
  }

  private func maySpeak(_ key: KeyRing.Key, _ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return unsafe key.maySpeak(for: bytes.span.bytes)
  }

  @Test func aKeyWithNamesSpeaksForThoseSourcesAlone() throws {
    let names = ["web-1", "web-10", "a", "web-2", String(repeating: "z", count: 64)]
    for count in 1...names.count {
      let allowed = Array(names.prefix(count))
      let ring = try KeyRing([(id: 7, secret: first, sources: allowed)])
      let key = try #require(ring[7])
      for name in names + ["", "b", "web", "web-", "web-11", "web-3", "WEB-1", "\u{FF}", "zz"] {
        #expect(maySpeak(key, name) == allowed.contains(name), "\(name) of \(allowed)")
      }
    }
  }

  @Test func aKeyWithoutNamesSpeaksForAnySource() throws {
    let ring = try KeyRing([(id: 7, secret: first, sources: [])])
    let key = try #require(ring[7])
    #expect(maySpeak(key, "web-1") && maySpeak(key, "a"))
  }

  @Test func anEmptyRingKnowsNoKey() throws {
    let ring = try KeyRing([])
    #expect(ring.count == 0)
    #expect(ring[1] == nil)
  }

  @Test func idZeroIsRefused() {
    #expect(throws: KeyRingError.zeroID) { try KeyRing([(id: 0, secret: first, sources: [])]) }
  }

  @Test func anIDThatIsThereTwiceIsRefused() {
    #expect(throws: KeyRingError.duplicateID(7)) {
      try KeyRing([
        (id: 7, secret: first, sources: []), (id: 8, secret: first, sources: []),
        (id: 7, secret: second, sources: []),
      ])
    }
  }

  @Test func aShortSecretIsRefused() {
    #expect(throws: KeyRingError.shortSecret(id: 7, length: 15)) {
      try KeyRing([(id: 7, secret: Array(first.dropLast()), sources: [])])
    }
  }

  @Test func nothingPrintsASecret() throws {
    // As text the secret would read `swordfishswordfish`, as numbers `115, 119`, as hex `7377`.
    let secret = Array("swordfishswordfish".utf8)
    let ring = try KeyRing([(id: 7, secret: secret, sources: [])])
    let key = try #require(ring[7])
    var dumped = ""
    dump(ring, to: &dumped)
    dump(key, to: &dumped)
    let texts = [
      "\(ring)", String(reflecting: ring), "\(key)", String(reflecting: key), dumped,
      "\(KeyRingError.shortSecret(id: 7, length: 3))",
    ]
    for text in texts {
      #expect(!text.contains("swordfish"))
      #expect(!text.contains("115"))
      #expect(!text.lowercased().contains("7377"))
      #expect(!text.contains("HMAC"))
    }
    #expect("\(ring)" == "KeyRing(ids: [7])")
  }

  @Test func errorsAreSentences() {
    #expect(
      "\(KeyRingError.shortSecret(id: 9, length: 3))"
        == "the secret of key id 9 has 3 bytes; it needs at least 16")
    #expect("\(KeyRingError.duplicateID(9))" == "key id 9 is there twice")
    #expect(
      "\(KeyRingError.zeroID)"
        == "key id 0 stands for no authentication and cannot have a secret")
  }
}
