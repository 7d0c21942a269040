import Testing

@testable import Server

@Suite("Upkeep of the key index that fails")
struct UpkeepTroubleTests {
  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  @Test("each failure is logged, and the same one once a minute")
  func logging() {
    var trouble = UpkeepTrouble()
    let (full, broken) = (Failure(description: "full"), Failure(description: "broken"))
    let times: [Int64] = [0, 1_000, 59_999, 60_000, 61_000]
    let logged = times.map { trouble.note(full, at: $0) }
    #expect(logged == [true, false, false, true, false])
    let others = [trouble.note(broken, at: 62_000), trouble.note(full, at: 63_000)]
    let same = trouble.note(full, at: 64_000)
    #expect(others == [true, true] && !same)
  }

  @Test("it is a concern until it has not come for a while")
  func concern() {
    var trouble = UpkeepTrouble()
    #expect(trouble.concern(at: 0) == nil)
    _ = trouble.note(Failure(description: "no space"), at: 5_000)
    #expect(trouble.concern(at: 14_999)?.hasSuffix(": no space") == true)
    #expect(trouble.concern(at: 15_000) == nil)
  }
}
