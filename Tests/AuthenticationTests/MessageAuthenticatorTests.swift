import Authentication
import Testing

/// The bytes that a text of hexadecimal digits stands for.
private func bytes(hex: String) -> [UInt8] {
  var bytes: [UInt8] = []
  var high: UInt8?
  for digit in hex.utf8 {
    let value = digit <= 0x39 ? digit - 0x30 : digit - 0x61 + 10
    if let first = high {
      bytes.append(first << 4 | value)
      high = nil
    } else {
      high = value
    }
  }
  return bytes
}

/// 16 bytes as a number, the first one in the lowest bits.
private func number(_ bytes: [UInt8]) -> UInt128 {
  bytes.reversed().reduce(0) { $0 << 8 | UInt128($1) }
}

extension MessageAuthenticator {
  /// The tag of the bytes of an array.
  fileprivate func tag(_ message: [UInt8]) -> UInt128 { unsafe tag(of: message.span.bytes) }

  /// Whether `tag` is the tag of the bytes of an array.
  fileprivate func accepts(_ tag: UInt128, _ message: [UInt8]) -> Bool {
    unsafe verify(tag, of: message.span.bytes)
  }
}

/// A test case of RFC 4231, section 4, for HMAC-SHA-256.
struct Vector: Sendable, CustomTestStringConvertible {
  let section: String
  let key: [UInt8]
  let message: [UInt8]
  let code: [UInt8]

  var testDescription: String { section }

  static let all = [
    Vector(
      section: "4.2", key: [UInt8](repeating: 0x0b, count: 20), message: Array("Hi There".utf8),
      code: bytes(hex: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")),
    Vector(
      section: "4.3", key: Array("Jefe".utf8),
      message: Array("what do ya want for nothing?".utf8),
      code: bytes(hex: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")),
    Vector(
      section: "4.4", key: [UInt8](repeating: 0xaa, count: 20),
      message: [UInt8](repeating: 0xdd, count: 50),
      code: bytes(hex: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe")),
    Vector(
      section: "4.5", key: Array(1...25), message: [UInt8](repeating: 0xcd, count: 50),
      code: bytes(hex: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b")),
    Vector(
      section: "4.6", key: [UInt8](repeating: 0x0c, count: 20),
      message: Array("Test With Truncation".utf8),
      code: bytes(hex: "a3b6167473100ee06e0c796c2955552b")),
    Vector(
      section: "4.7", key: [UInt8](repeating: 0xaa, count: 131),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      code: bytes(hex: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")),
    Vector(
      section: "4.8", key: [UInt8](repeating: 0xaa, count: 131),
      message: Array(
        ("This is a test using a larger than block-size key and a larger than block-size data."
          + " The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      code: bytes(hex: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2")),
  ]
}

@Suite struct MessageAuthenticatorTests {
  @Test(arguments: Vector.all)
  func tagIsTheFirstHalfOfTheCode(vector: Vector) {
    let authenticator = MessageAuthenticator(secret: vector.key)
    let expected = number(Array(vector.code.prefix(16)))
    // Twice: the prepared key is not used up.
    for _ in 0..<2 {
      #expect(authenticator.tag(vector.message) == expected)
    }
    #expect(authenticator.accepts(expected, vector.message))
  }

  @Test func everyWrongBitOfATagIsRefused() {
    let authenticator = MessageAuthenticator(secret: Array(0..<32))
    let message = [UInt8](repeating: 7, count: 100)
    let tag = authenticator.tag(message)
    for bit in 0..<128 {
      #expect(!authenticator.accepts(tag ^ (1 << UInt128(bit)), message))
    }
  }

  @Test func everyWrongByteOfAMessageIsRefused() {
    let authenticator = MessageAuthenticator(secret: Array(0..<32))
    var message = [UInt8](repeating: 7, count: 200)
    let tag = authenticator.tag(message)
    for index in message.indices {
      message[index] ^= 0x80
      #expect(!authenticator.accepts(tag, message))
      message[index] ^= 0x80
    }
    #expect(authenticator.accepts(tag, message))
    #expect(!authenticator.accepts(tag, Array(message.dropLast())))
  }

  @Test func theEmptyMessageHasATag() {
    // HMAC-SHA-256 of nothing with an empty key, as in RFC 2104's construction.
    let expected = bytes(hex: "b613679a0814d9ec772f95d778c35fc5")
    let none: [UInt8] = []
    let tag = MessageAuthenticator(secret: none).tag(none)
    #expect(tag == number(expected))
  }

  @Test func threadsShareOneAuthenticator() async {
    let authenticator = MessageAuthenticator(secret: Array(0..<32))
    let message = [UInt8](repeating: 3, count: 500)
    let expected = authenticator.tag(message)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<200).allSatisfy { _ in authenticator.tag(message) == expected }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
