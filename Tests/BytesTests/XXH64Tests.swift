import Bytes
import Testing

/// The checksum against published vectors.
@Suite struct XXH64Tests {
  /// The buffer of the self-test of the xxHash project (`xsum_sanity_check.c`).
  private static let sanityBuffer: [UInt8] = {
    var state: UInt64 = 2_654_435_761
    return (0..<2_243).map { _ in
      let byte = UInt8(truncatingIfNeeded: state >> 56)
      state = state &* 11_400_714_785_074_694_797
      return byte
    }
  }()

  @Test(
    arguments: [
      (0, 0, 0xEF46_DB37_51D8_E999), (0, 2_654_435_761, 0xAC75_FDA2_929B_17EF),
      (1, 0, 0xE934_A84A_DB05_2768), (1, 2_654_435_761, 0x5014_6076_43A9_B4C3),
      (4, 0, 0x9136_A0DC_A574_57EE), (14, 0, 0x8282_DCC4_994E_35C8),
      (14, 2_654_435_761, 0xC3BD_6BF6_3DEB_6DF0), (222, 0, 0xB641_AE8C_B691_C174),
      (222, 2_654_435_761, 0x20CB_8AB7_AE10_C14A),
    ] as [(Int, UInt64, UInt64)])
  func sanityVectors(length: Int, seed: UInt64, expected: UInt64) {
    let bytes = Array(Self.sanityBuffer[..<length])
    #expect(XXH64.hash(bytes.rawSpan, seed: seed) == expected)
  }

  @Test(
    arguments: [
      ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("xxhash", 3_665_147_885_093_898_016),
    ] as [(String, UInt64)])
  func textVectors(text: String, expected: UInt64) {
    #expect(XXH64.hash(Array(text.utf8).rawSpan) == expected)
  }

  @Test func everyLengthDependsOnEveryByte() {
    for length in 1...100 {
      let zeros = [UInt8](repeating: 0, count: length)
      var seen: Set<UInt64> = [XXH64.hash(zeros.rawSpan)]
      for index in 0..<length {
        var changed = zeros
        changed[index] = 1
        #expect(seen.insert(XXH64.hash(changed.rawSpan)).inserted)
      }
    }
  }
}
