/// A table of text in aligned columns.
struct Table {
  /// How a column is aligned.
  enum Alignment {
    case left
    case right
  }

  /// One column.
  struct Column {
    var title: String
    var alignment: Alignment

    /// A column of text.
    static func text(_ title: String) -> Column { Column(title: title, alignment: .left) }
    /// A column of numbers.
    static func number(_ title: String) -> Column { Column(title: title, alignment: .right) }
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  /// A table without rows.
  init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row with one text for each column.
  mutating func add(_ row: [String]) {
    precondition(row.count == columns.count, "BUG: a row of \(row.count) in \(columns.count)")
    rows.append(row.map(Self.printable))
  }

  /// The lines with a heading, each with a line break.
  var text: String {
    let heading = columns.map(\.title)
    let widths = columns.indices.map { index in
      rows.reduce(heading[index].count) { max($0, $1[index].count) }
    }
    return ([heading] + rows).map { row in
      let cells = columns.indices.map { index in
        let padding = String(repeating: " ", count: widths[index] - row[index].count)
        return columns[index].alignment == .left ? row[index] + padding : padding + row[index]
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  /// Text from elsewhere without what a terminal would obey: controls become `?`.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}": true
    default: false
    }
  }
}

/// Names with their values, aligned.
struct Facts {
  private var rows: [(name: String, value: String)] = []

  /// Adds a line.
  mutating func add(_ name: String, _ value: String) {
    rows.append((name, Table.printable(value)))
  }

  /// The lines, each with a line break.
  var text: String {
    let width = rows.map(\.name.count).max() ?? 0
    return rows.map { name, value in
      name + String(repeating: " ", count: width - name.count) + "  " + value + "\n"
    }.joined()
  }
}
