import Metering
import Testing
import Wire

@Suite("Calendar: dates and periods")
struct CalendarTests {
  /// Counts days one by one, with the leap rule written out, from 1970-01-01.
  private static func forEachDay(
    through lastYear: Int, _ body: (_ dayNumber: Int32, _ date: CivilDate) -> Void
  ) {
    var dayNumber: Int32 = 0
    for year in 1970...lastYear {
      let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (index, length) in lengths.enumerated() {
        for day in 1...length {
          body(dayNumber, CivilDate(year: year, month: index + 1, day: day))
          dayNumber += 1
        }
      }
    }
  }

  @Test("Every day from 1970 to 2400 converts both ways")
  func everyDay() {
    var wrong = 0
    CalendarTests.forEachDay(through: 2400) { dayNumber, date in
      if CivilDate(dayNumber: dayNumber) != date || date.dayNumber != Int(dayNumber) { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test("Every month from 1970 to 9999 begins and ends where a naive count says")
  func everyPeriod() {
    var wrong = 0
    var months: Int32 = 0
    var hours: Int32 = 0
    CalendarTests.forEachDay(through: 9999) { dayNumber, date in
      guard date.day == 1 else { return }
      let period = BillingPeriod(month: months)
      hours = dayNumber * 24
      if period.firstHour.index != hours || period.year != date.year { wrong += 1 }
      if period.monthOfYear != date.month { wrong += 1 }
      if BillingPeriod(containing: Hour(index: hours)) != period { wrong += 1 }
      if months > 0 {
        let before = BillingPeriod(month: months - 1)
        if before.endHour.index != hours || before.next != period { wrong += 1 }
        if period.previous != before { wrong += 1 }
        if BillingPeriod(containing: Hour(index: hours - 1)) != before { wrong += 1 }
      }
      months += 1
    }
    #expect(wrong == 0)
    #expect(months == BillingPeriod.latest.month + 1)
    #expect(BillingPeriod.latest.end.milliseconds == Timestamp.latest.milliseconds + 1)
  }

  @Test("Leap years follow the Gregorian rule")
  func leapYears() {
    #expect(CivilDate.isLeap(year: 2000) && CivilDate.isLeap(year: 2024))
    #expect(!CivilDate.isLeap(year: 1900) && !CivilDate.isLeap(year: 2100))
    #expect(!CivilDate.isLeap(year: 2023))
    #expect((1...12).map { CivilDate.dayCount(year: 2024, month: $0) }.reduce(0, +) == 366)
  }

  @Test("Days far from 1970 convert both ways")
  func extremes() {
    for dayNumber in [Int32.min, -719_529, -719_528, -1, 0, 2_932_896, 2_932_897, .max] {
      #expect(CivilDate(dayNumber: dayNumber).dayNumber == Int(dayNumber))
    }
    #expect(CivilDate(dayNumber: -1) == CivilDate(year: 1969, month: 12, day: 31))
    #expect(CivilDate(dayNumber: -719_528) == CivilDate(year: 0, month: 1, day: 1))
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
