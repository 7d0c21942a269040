import Metering
import SeededRandom
import Testing
import Wire

@Suite("Storage arithmetic")
struct RollupStorageArithmeticTests {
  @Test("A change counts to the end of its hour")
  func onTime() {
    let start = Timestamp(milliseconds: 1_767_621_600_000)
    let last = Timestamp(milliseconds: start.milliseconds + 3_599_999)
    #expect(StorageArithmetic.byteMilliseconds(quantity: 1, time: start) == 3_600_000)
    #expect(StorageArithmetic.byteMilliseconds(quantity: 1, time: last) == 1)
    #expect(StorageArithmetic.byteMilliseconds(quantity: -5, time: last) == -5)
    #expect(StorageArithmetic.byteMilliseconds(quantity: 0, time: start) == 0)
  }

  @Test("The extremes fit")
  func extremes() {
    let first = Timestamp(milliseconds: 0)
    #expect(
      StorageArithmetic.byteMilliseconds(quantity: .max, time: first)
        == Int128(Int64.max) * 3_600_000)
    #expect(
      StorageArithmetic.lateByteMilliseconds(
        quantity: -.max, time: first, bookingStart: Timestamp.latest)
        == -Int128(Int64.max) * Int128(Timestamp.latest.milliseconds))
  }

  /// Storage over a stretch of time is the same figure whether a change came on time, with its
  /// level carried on, or late, with an adjustment up to the booking period.
  @Test("A late change books what it would have added hour by hour")
  func lateEqualsOnTime() {
    var random = SplitMix64(seed: 4)
    for _ in 0..<2_000 {
      let period = BillingPeriod(month: .random(in: 600...700, using: &random))
      let time = Timestamp(
        milliseconds: .random(
          in: period.start.milliseconds..<period.end.milliseconds, using: &random))
      let quantity = Int64.random(in: -1_000_000...1_000_000, using: &random)
      let hour = Hour(containing: time)
      let carriedHours = Int128(period.endHour.index - hour.index - 1)
      let onTime =
        StorageArithmetic.byteMilliseconds(quantity: quantity, time: time)
        + carriedHours * Int128(quantity) * Int128(Hour.milliseconds)
      let late = StorageArithmetic.lateByteMilliseconds(
        quantity: quantity, time: time, bookingStart: period.end)
      #expect(late == onTime)
    }
  }
}
