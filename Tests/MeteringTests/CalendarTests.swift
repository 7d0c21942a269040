import Metering
import Testing
import Wire

@Suite("Calendar: periods")
struct CalendarTests {
  @Test("Every month from 1970 to 9999 begins and ends where a naive count says")
  func everyPeriod() {
    var wrong = 0
    var months: Int32 = 0
    var days: Int32 = 0
    for year in 1970...9999 {
      let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
      let lengths: [Int32] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (index, length) in lengths.enumerated() {
        let period = BillingPeriod(month: months)
        let hour = Hour(index: days * 24)
        if period.firstHour != hour || period.year != year { wrong += 1 }
        if period.monthOfYear != index + 1 || BillingPeriod(containing: hour) != period {
          wrong += 1
        }
        if months > 0 {
          let before = BillingPeriod(month: months - 1)
          if before.endHour != hour || before.next != period { wrong += 1 }
          if period.previous != before { wrong += 1 }
          if BillingPeriod(containing: Hour(index: hour.index - 1)) != before { wrong += 1 }
        }
        months += 1
        days += length
      }
    }
    #expect(wrong == 0)
    #expect(months == BillingPeriod.latest.month + 1)
    #expect(BillingPeriod.latest.end.milliseconds == Timestamp.latest.milliseconds + 1)
  }

  @Test("Periods stop at 1970-01 and 9999-12, and none outside traps")
  func limits() {
    #expect(BillingPeriod.earliest.previous == nil)
    #expect(BillingPeriod.latest.next == nil)
    #expect(BillingPeriod(month: .max).next == nil)
    #expect(BillingPeriod(month: .min).previous == nil)
    #expect(BillingPeriod(month: .max).endHour == BillingPeriod.latest.endHour)
    #expect(BillingPeriod(month: .min).firstHour == Hour(index: 0))
    #expect(!BillingPeriod(month: -1).isValid && !BillingPeriod(month: 96_360).isValid)
    #expect(BillingPeriod(month: 0).isValid && BillingPeriod(month: 96_359).isValid)
    #expect(BillingPeriod(containing: Hour(index: .max)) == .latest)
    #expect(BillingPeriod(containing: Hour(index: .min)) == .earliest)
    #expect(BillingPeriod(containing: Timestamp(milliseconds: .max)) == .latest)
    #expect(BillingPeriod(year: 1969, month: 12) == nil)
    #expect(BillingPeriod(year: 2026, month: 0) == nil)
    #expect(BillingPeriod(year: 2026, month: 13) == nil)
    #expect(BillingPeriod(year: 2026, month: 1)?.month == 672)
  }
}
