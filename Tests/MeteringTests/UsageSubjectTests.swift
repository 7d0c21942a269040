import Metering
import Testing
import Wire

@Suite("Subjects of usage")
struct UsageSubjectTests {
  private func subject(
    tenant: String = "a", operation: String = "b", context: String = "c"
  ) -> UsageSubject {
    UsageSubject(
      tenant: tenant, kind: .compute, operation: operation, contextType: .project,
      context: context)
  }

  @Test("Names that Unicode calls equal are different subjects")
  func bytes() {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    // What `String` says of them, and a row must not.
    #expect(composed == decomposed)
    #expect(subject(tenant: composed) != subject(tenant: decomposed))
    #expect(subject(operation: composed) != subject(operation: decomposed))
    #expect(subject(context: composed) != subject(context: decomposed))
    let all = [composed, decomposed].flatMap {
      [subject(tenant: $0), subject(operation: $0), subject(context: $0)]
    }
    #expect(Set(all).count == 6 && Set(all + all).count == 6)
    #expect(Set(all.map(\.hashValue)).count == 6)
  }

  @Test("Bytes do not move from one name to the next")
  func boundaries() {
    let left = subject(tenant: "ab", operation: "c")
    let right = subject(tenant: "a", operation: "bc")
    #expect(left != right && left.hashValue != right.hashValue)
  }
}
