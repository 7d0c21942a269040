import Testing

@testable import Server

@Suite struct BlockGatheringTests {
  private let wait = BlockGathering.longestWait

  @Test func aBlockWaitsWhileASocketHoldsMore() {
    var gathering = BlockGathering()
    #expect(gathering.goesOn(entries: 1, now: 0) { true })
    #expect(!gathering.goesOn(entries: 2, now: 1) { false })
  }

  @Test func aLargeBlockWaitsForNothing() {
    var gathering = BlockGathering()
    var isAsked = false
    let goesOn = gathering.goesOn(entries: BlockGathering.enoughEntries, now: 0) {
      isAsked = true
      return true
    }
    #expect(!goesOn && !isAsked)
  }

  @Test func aSocketThatIsNeverEmptyEndsTheWait() {
    var gathering = BlockGathering()
    #expect(gathering.goesOn(entries: 1, now: 7) { true })
    #expect(gathering.goesOn(entries: 1, now: 7 + wait - 1) { true })
    #expect(!gathering.goesOn(entries: 1, now: 7 + wait) { true })
    // The next block has a wait of its own.
    #expect(gathering.goesOn(entries: 1, now: 8 + wait) { true })
  }
}
