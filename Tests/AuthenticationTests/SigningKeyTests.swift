import Authentication
import Testing

@Suite struct SigningKeyTests {
  private func bytes(_ text: String) throws -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue }
    return try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(exactly: digits[$0] << 4 | digits[$0 + 1]))
    }
  }

  /// RFC 8032, section 7.1, test 2.
  @Test func theExampleOfTheStandard() throws {
    let seed = try bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    let key = try #require(SigningKey(seed: seed))
    let text = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    #expect(key.publicKey.description == text)
    #expect(VerificationKey(text) == key.publicKey)
    #expect(key.seed == seed)
    let signature = try bytes(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    #expect(key.publicKey.isValid(signature, of: [0x72]))
    #expect(!key.publicKey.isValid(signature, of: [0x73]))
    #expect(
      key.publicKey.fingerprint
        == "sha256:39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f")
  }

  @Test func everyBitOfASignatureCounts() throws {
    let key = SigningKey()
    let message: [UInt8] = Array("a certificate".utf8)
    let signature = key.signature(of: message)
    #expect(key.publicKey.isValid(signature, of: message))
    for bit in 0..<signature.count * 8 {
      var changed = signature
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!key.publicKey.isValid(changed, of: message))
    }
    for length in [0, 1, 63, 65] {
      let cut = Array((signature + [0]).prefix(length))
      #expect(!key.publicKey.isValid(cut, of: message))
    }
    #expect(!SigningKey().publicKey.isValid(signature, of: message))
  }

  @Test(arguments: [
    "", "ed25519:", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af466",
    "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660g",
    "ed25519:3D4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "rsa:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  ])
  func textsThatAreNoKey(text: String) {
    #expect(VerificationKey(text) == nil)
  }

  @Test func aSeedHas32Bytes() {
    #expect(SigningKey(seed: []) == nil)
    #expect(SigningKey(seed: [UInt8](repeating: 1, count: 31)) == nil)
    #expect(SigningKey(seed: [UInt8](repeating: 1, count: 33)) == nil)
    #expect(SigningKey(seed: [UInt8](repeating: 1, count: 32)) != nil)
  }

  @Test func nothingShowsTheSeed() throws {
    let seed = [UInt8](repeating: 0xC3, count: 32)
    let key = try #require(SigningKey(seed: seed))
    var text = ""
    dump(key, to: &text)
    for shown in [text, "\(key)", String(reflecting: key)] {
      #expect(!shown.contains("c3c3") && !shown.contains("195"), "\(shown)")
    }
  }
}
