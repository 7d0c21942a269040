import Testing
import Wire

@Suite("Calendar: dates")
struct CivilDateTests {
  @Test("Every day from 1970 to 2400 converts both ways")
  func everyDay() {
    var wrong = 0
    var dayNumber: Int32 = 0
    for year in 1970...2400 {
      // The leap rule written out, days counted one by one.
      let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (index, length) in lengths.enumerated() {
        if CivilDate.dayCount(year: year, month: index + 1) != length { wrong += 1 }
        for day in 1...length {
          let date = CivilDate(year: year, month: index + 1, day: day)
          if CivilDate(dayNumber: dayNumber) != date || date.dayNumber != Int(dayNumber) {
            wrong += 1
          }
          dayNumber += 1
        }
      }
    }
    #expect(wrong == 0)
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
}
