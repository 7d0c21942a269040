import Metering
import SeededRandom
import Wire

/// A cron expression made together with what it means, and a naive walk over every minute.
struct CronModel {
  var text = ""
  private var fields: [Set<Int>] = []
  private var isRestricted: [Bool] = []

  private static let bounds = [0...59, 0...23, 1...31, 1...12, 0...6]
  private static let months = "jan feb mar apr may jun jul aug sep oct nov dec".split(
    separator: " ")
  private static let weekdays = "sun mon tue wed thu fri sat".split(separator: " ")

  /// An expression by chance; `sparse` fields have few values.
  init(using random: inout SplitMix64) {
    var texts: [String] = []
    for index in Self.bounds.indices {
      let (text, values) = Self.field(index, using: &random)
      texts.append(text)
      fields.append(values)
      isRestricted.append(!text.hasPrefix("*"))
    }
    text = texts.joined(separator: " ")
  }

  private static func field(_ index: Int, using random: inout SplitMix64) -> (String, Set<Int>) {
    let bounds = bounds[index]
    if Int.random(in: 0..<3, using: &random) == 0 { return ("*", Set(bounds)) }
    var texts: [String] = []
    var values: Set<Int> = []
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let first = Int.random(in: bounds, using: &random)
      let last = Int.random(in: first...bounds.upperBound, using: &random)
      let step = Int.random(in: 1...bounds.upperBound, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0:
        texts.append("*/\(step)")
        values.formUnion(stride(from: bounds.lowerBound, through: bounds.upperBound, by: step))
      case 1:
        texts.append("\(name(first, index, &random))-\(name(last, index, &random))")
        values.formUnion(first...last)
      case 2:
        texts.append("\(first)-\(last)/\(step)")
        values.formUnion(stride(from: first, through: last, by: step))
      case 3 where index == 4:
        texts.append("\(first)-7")
        values.formUnion(first...6)
        values.insert(0)
      default:
        texts.append(name(first, index, &random))
        values.insert(first)
      }
    }
    return (texts.joined(separator: ","), values)
  }

  private static func name(_ value: Int, _ index: Int, _ random: inout SplitMix64) -> String {
    guard index >= 3, Bool.random(using: &random) else { return "\(value)" }
    let name = index == 3 ? months[value - 1] : weekdays[value]
    return Bool.random(using: &random) ? name.uppercased() : String(name)
  }

  /// Whether no month has one of the days.
  var neverOccurs: Bool {
    if isRestricted[2], isRestricted[4] { return false }
    let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return !fields[3].contains { month in
      fields[2].contains { $0 <= longest[month - 1] }
    }
  }

  /// The first matching minute after a time, looked for minute by minute.
  ///
  /// - Parameter limit: how many minutes are looked at.
  func next(after time: Timestamp, limit: Int) -> Timestamp? {
    var minute = time.milliseconds / 60_000
    for _ in 0..<limit {
      minute += 1
      if matches(minute) { return Timestamp(milliseconds: minute * 60_000) }
    }
    return nil
  }

  private func matches(_ number: Int64) -> Bool {
    guard fields[0].contains(Int(number % 60)), fields[1].contains(Int(number / 60 % 24)) else {
      return false
    }
    // Read off the text of the time, which has its own tests.
    let text = Timestamp(milliseconds: number * 60_000).text.split { "-T".contains($0) }
    guard let month = Int(text[1]), let day = Int(text[2]), fields[3].contains(month) else {
      return false
    }
    let weekday = Int((number / 1_440 + 4) % 7)
    let (isDay, isWeekday) = (fields[2].contains(day), fields[4].contains(weekday))
    return isRestricted[2] && isRestricted[4] ? isDay || isWeekday : isDay && isWeekday
  }
}
