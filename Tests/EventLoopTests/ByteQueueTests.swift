import SeededRandom
import Testing

@testable import EventLoop

@Suite struct ByteQueueTests {
  @Test(arguments: [1 as UInt64, 2, 3])
  func bytesLeaveAsTheyCame(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = ByteQueue()
    var model: [UInt8] = []
    for step in 0..<5_000 {
      let length = Int.random(in: 0..<3_000, using: &random)
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ step) }
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        unsafe queue.append(bytes.span.bytes)
        model += bytes
      case 1:
        let room = unsafe queue.reserve(length)
        unsafe room.copyBytes(from: bytes)
        queue.didAppend(length)
        model += bytes
      case 2 where step % 100 == 0:
        queue.clear()
        model = []
      default:
        let number = Int.random(in: 0...model.count, using: &random)
        queue.removeFirst(number)
        model.removeFirst(number)
      }
      let isEqual = unsafe queue.bytes.elementsEqual(model)
      #expect(isEqual)
      let count = queue.count
      #expect(count == model.count)
    }
  }
}
