/// How the text of a setting is read, checked and written.
protocol SettingFormat<Value>: Sendable {
  /// What the setting holds.
  associatedtype Value: Sendable & Equatable
  /// The type in a word or two, for help.
  var type: String { get }
  /// What is allowed, in words.
  var allowed: String { get }
  /// What the configuration file may hold at the setting's key.
  var shape: SettingShape { get }
  /// Reads the text; relative paths start from `directory`.
  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> Value
  /// The canonical text of a value, without secrets.
  func text(_ value: Value) -> String
  /// One short line for people; the canonical text where that is short.
  func summary(_ value: Value) -> String
  /// A text that was refused, fit to be shown.
  func shown(_ text: String) -> String
}

extension SettingFormat {
  var shape: SettingShape { .scalar }
  func summary(_ value: Value) -> String { text(value) }
  func shown(_ text: String) -> String { text }
}

/// What a configuration file may hold at a setting's key.
enum SettingShape: Sendable {
  /// One value.
  case scalar
  /// One value, or a list of them.
  case list
  /// A mapping of its own.
  case table
}

/// Why a text is not a value of its setting.
struct SettingMismatch: Error {
  /// One thing that is wrong.
  struct Item: Sendable {
    /// Where inside the setting, such as an operation's name; nil for the setting itself.
    var place: String?
    /// What was found; nil for the whole text.
    var found: String?
    /// What is wrong with it, if `allowed` does not say enough.
    var reason: String?
  }

  /// Everything that is wrong, at least one item.
  var items: [Item]

  /// The whole text is none that is allowed.
  static let notAllowed = SettingMismatch(items: [Item()])
}
