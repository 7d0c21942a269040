/// Answers that the truth contradicts.
public struct WrongAnswers: Codable, Sendable {
  /// What can be wrong.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// A key that never came was turned away.
    case falseDrop
    /// A key that the window holds was taken for a new one.
    case falseAccept
    /// A duplicate was called a conflict, or the other way round.
    case wrongVerdict
    /// A key was known long after its window.
    case notGone
    /// A start lost keys or could not read a file.
    case lost
    /// A file stayed that no run needs, or its disk space.
    case fileLeft
  }

  /// How many of each kind, by its name.
  public private(set) var counts: [String: Int]
  /// The first few, in words.
  public private(set) var examples: [String] = []

  init() {
    counts = [:]
    for kind in Kind.allCases { counts[kind.rawValue] = 0 }
  }

  /// All of them.
  public var total: Int { counts.values.reduce(0, +) }

  mutating func note(_ kind: Kind, _ words: @autoclosure () -> String) {
    counts[kind.rawValue, default: 0] += 1
    if examples.count < 20 { examples.append("\(kind.rawValue): \(words())") }
  }
}
