import Authentication
import Foundation
import Metering
import SegmentLog
import Testing
import Wire

@testable import Server

/// The form of certificates, and that no change of one passes for it.
@Suite struct CertificateFormTests {
  private let key = SigningKey()

  private var certificate: Certificate {
    Certificate(
      installation: InstallationID(bits: 42), tenant: "acme \u{1F980} \"\\\u{7}\n",
      period: BillingPeriod(month: 672), start: BillingPeriod(month: 672).firstHour,
      end: BillingPeriod(month: 672).endHour, partition: 3, position: LogPosition(.max - 1),
      time: Timestamp(milliseconds: 1_769_900_400_000), operatorName: "olga", run: 12,
      segments: [
        .init(
          number: 7, start: LogPosition(10), end: ChainPoint(position: LogPosition(20), chain: 9)),
        .init(
          number: 9, start: LogPosition(90),
          end: ChainPoint(position: LogPosition(.max), chain: .max)),
      ],
      figures: .object([
        .init("records", .text("9007199254740993")),
        .init("totals", .object([.init("usage", .object([.init("op", .text("-1"))]))])),
      ]), acceptedGaps: .array([.text("1")]))
  }

  private func fault(_ bytes: [UInt8], _ key: VerificationKey? = nil) -> CertificateError? {
    do throws(CertificateError) {
      _ = try Certificate(verifying: bytes, with: key ?? self.key.publicKey)
      return nil
    } catch { return error }
  }

  @Test func itReadsWhatItWrote() throws {
    let bytes = try certificate.signed(with: key)
    let read = try Certificate(verifying: bytes, with: key.publicKey)
    #expect(read.tenant == certificate.tenant && read.segments == certificate.segments)
    #expect(read.installation == certificate.installation && read.run == 12)
    #expect(read.position == certificate.position && read.partition == 3)
    #expect(read.namedFigures == certificate.namedFigures)
    #expect(try read.signed(with: key) == bytes)
  }

  @Test func everyByteCounts() throws {
    let bytes = try certificate.signed(with: key)
    for place in bytes.indices {
      for change in [1, 0x20, 0x80] as [UInt8] {
        var changed = bytes
        changed[place] ^= change
        #expect(fault(changed) != nil, "byte \(place)")
      }
      #expect(fault(Array(bytes[..<place])) != nil, "cut at \(place)")
      #expect(fault(bytes[..<place] + [0x20] + bytes[place...]) != nil, "space at \(place)")
    }
    #expect(fault(bytes + [0x0A]) == .notCanonical)
  }

  /// Every value of the document is replaced once by another of its kind, in canonical form.
  @Test func everyFieldCounts() throws {
    let document = try JSONParser.parse(certificate.signed(with: key))
    var count = 0
    for changed in Self.variants(of: document) {
      let bytes = try #require(changed.canonicalBytes) + [0x0A]
      #expect(fault(bytes) != nil)
      count += 1
    }
    #expect(count > 60)
  }

  private static func variants(of value: CanonicalJSON) -> [CanonicalJSON] {
    switch value {
    case .object(let members):
      return members.indices.flatMap { place in
        variants(of: members[place].value).map { changed in
          var members = members
          members[place].value = changed
          return .object(members)
        } + [
          .object(members.enumerated().filter { $0.offset != place }.map(\.element)),
          .object(members + [.init(members[place].name + "2", .null)]),
        ]
      }
    case .array(let elements):
      return elements.indices.flatMap { place in
        variants(of: elements[place]).map { changed in
          var elements = elements
          elements[place] = changed
          return .array(elements)
        }
      } + [.array(elements + [.null]), .array([])]
    case .text(let text): return [.text(text + "1"), .text(""), .number("1"), .null]
    case .number(let digits): return [.number(digits == "1" ? "2" : "1"), .text(digits)]
    case .boolean(let flag): return [.boolean(!flag)]
    case .null: return [.text("")]
    }
  }

  @Test func anotherKeyIsNamed() throws {
    let bytes = try certificate.signed(with: key)
    let other = SigningKey().publicKey
    #expect(fault(bytes, other) == .otherKey(expected: "\(other)", found: "\(key.publicKey)"))
    // One who writes the right key into a certificate that he signed himself.
    let forged = try certificate.signed(with: SigningKey())
    let text = String(decoding: forged, as: UTF8.self)
    let start = try #require(text.range(of: "ed25519:"))
    let claimed = text.replacingCharacters(
      in: start.lowerBound..<text.index(start.lowerBound, offsetBy: 72), with: "\(key.publicKey)")
    #expect(fault(Array(claimed.utf8)) == .signature)
  }

  @Test(arguments: [
    "", "\n", "{}", "[]", "null", "{\"certificate\":1}", "{\"certificate\":{}}\n",
    "{\"certificate\":{},\"signature\":{}}\n", "\u{0}", "{\"a\":1,\"a\":1}\n", "1e400\n",
    "{\"certificate\":{},\"certificate\":{}}\n", "\"\\ud800\"", "01\n", "-0\n", "1.0\n",
    String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 100_000),
    "{\"certificate\": {}}\n", "9007199254740992\n",
  ])
  func textsThatAreNoCertificate(text: String) {
    #expect(fault(Array(text.utf8)) != nil)
  }

  @Test func aHugeFileIsNotReadWhole() throws {
    let scratch = try ScratchDirectory()
    let path = "\(scratch.path)/huge"
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.truncate(atOffset: 1 << 40)
    do throws(CommandFailure) {
      _ = try CertificateFile.read(path, publicKey: "\(key.publicKey)")
      Issue.record("read a terabyte")
    } catch {
      #expect(error.message == "\(path) is no certificate: it has more than 16777216 bytes")
    }
  }

  @Test func aKeyThatIsNoneIsAnErrorOfUse() {
    do throws(CommandFailure) {
      _ = try CertificateFile.read("/dev/null", publicKey: "abc")
      Issue.record("took a key that is none")
    } catch {
      #expect(error.exit == .usage && error.message.contains("found \"abc\"; allowed: ed25519:"))
    }
  }

  /// The examples of RFC 8785, sections 3.2.2 and 3.2.3, as far as they have whole numbers.
  @Test func theOneFormIsThatOfTheStandard() throws {
    let text = """
      {"\\u20ac": "Euro Sign", "\\r": "Carriage Return",
       "\\ufb33": "Hebrew Letter Dalet With Dagesh",
       "1": "One", "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control",
       "\\u00f6": "Latin Small Letter O With Diaeresis",
       "n": [ -7, true, null, "\\u20ac$\\u000F\\u000aA'B\\"\\\\\\"/" ]}
      """
    let bytes = try #require(JSONParser.parse(Array(text.utf8)).canonicalBytes)
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "{\"\\r\":\"Carriage Return\",\"1\":\"One\","
        + "\"n\":[-7,true,null,\"€$\\u000f\\nA'B\\\"\\\\\\\"/\"],"
        + "\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
        + "\"€\":\"Euro Sign\","
        + "\"\u{1F600}\":\"Emoji: Grinning Face\",\"\u{FB33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    )
    #expect(CanonicalJSON.number("9007199254740991").canonicalBytes != nil)
    #expect(CanonicalJSON.number("9007199254740992").canonicalBytes == nil)
    // Names that Unicode calls equal are two.
    #expect(
      CanonicalJSON.object([.init("\u{E9}", .null), .init("e\u{301}", .null)]).canonicalBytes != nil
    )
    #expect(CanonicalJSON.object([.init("a", .null), .init("a", .null)]).canonicalBytes == nil)
  }
}
