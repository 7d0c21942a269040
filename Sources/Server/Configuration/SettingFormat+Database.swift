/// A connection string of libpq. Its passwords are never shown.
struct DatabaseFormat: SettingFormat {
  private static let schemes = ["postgresql://", "postgres://"]

  var type: String { "connection" }

  var allowed: String {
    "a connection string of libpq, such as postgresql://user@host:5432/database "
      + "or \"host=/run/postgresql dbname=usage\""
  }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> String {
    let isURL = Self.schemes.contains { text.hasPrefix($0) && text.count > $0.count }
    guard isURL || (!text.contains("://") && text.contains("=")), !text.utf8.contains(0) else {
      throw .notAllowed
    }
    return text
  }

  func text(_ value: String) -> String { shown(value) }

  func shown(_ text: String) -> String { Self.masked(text) }

  /// The text with `***` for every password in it.
  ///
  /// Passwords stand in a URL between `user:` and `@`, and in both forms after `password=`.
  static func masked(_ text: String) -> String {
    var text = Substring(text)
    var head = ""
    if let scheme = text.firstRange(of: "://") {
      head = String(text[..<scheme.upperBound])
      text = text[scheme.upperBound...]
      let authority = text.prefix { $0 != "/" && $0 != "?" }
      // A password may hold a slash that should have been escaped: then the last @ of all counts.
      if let at = authority.lastIndex(of: "@") ?? text.lastIndex(of: "@") {
        let user = text[..<at]
        let name = user.prefix { $0 != ":" }
        head += name.endIndex == user.endIndex ? "\(name)@" : "\(name):***@"
        text = text[text.index(after: at)...]
      }
    }
    while let range = passwordValue(in: text) {
      head += text[..<range.lowerBound] + "***"
      text = text[range.upperBound...]
    }
    return head + text
  }

  /// The value of the next parameter whose name ends with `password`, quoted or not.
  private static func passwordValue(in text: Substring) -> Range<Substring.Index>? {
    let name = "password"
    var start = text.startIndex
    while start < text.endIndex {
      defer { start = text.index(after: start) }
      guard text[start...].lowercased().hasPrefix(name) else { continue }
      var value = text[start...].dropFirst(name.count).drop { $0 == " " }
      guard value.first == "=" else { continue }
      value = value.dropFirst().drop { $0 == " " }
      var end = value.startIndex
      var isQuoted = false
      while end < value.endIndex {
        let character = value[end]
        if character == "\\", value.index(after: end) < value.endIndex {
          end = value.index(after: end)
        } else if character == "'" {
          isQuoted.toggle()
        } else if !isQuoted, character == " " || character == "&" {
          break
        }
        end = value.index(after: end)
      }
      if value.startIndex < end { return value.startIndex..<end }
    }
    return nil
  }
}
