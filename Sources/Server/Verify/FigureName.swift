/// The name of a figure of a period: its column in `billing_periods`, or its path in the column
/// `totals` or `operation_totals`.
///
/// Operations are part of paths, so that names are the same only if their bytes are.
struct FigureName: Sendable, Hashable {
  /// The column, and behind it the names of the members that lead to the figure.
  let path: [String]

  init(_ path: [String]) { self.path = path }

  init(_ path: String...) { self.path = path }

  /// The column with the sums by kind and operation.
  static let operationTotals = "operation_totals"

  /// Whether it is a figure of a single operation.
  var isOfOperation: Bool { path.first == Self.operationTotals }

  /// The path in one line, such as `totals.usage.traffic.records`.
  var text: String { path.joined(separator: ".") }

  static func == (left: FigureName, right: FigureName) -> Bool {
    left.path.elementsEqual(right.path) { $0.utf8.elementsEqual($1.utf8) }
  }

  func hash(into hasher: inout Hasher) {
    for name in path {
      for byte in name.utf8 { hasher.combine(byte) }
      // No byte of UTF-8.
      hasher.combine(0xFF as UInt8)
    }
  }

  /// All figures of a value by their names.
  static func figures(in value: CanonicalJSON) -> [FigureName: String] {
    var figures: [FigureName: String] = [:]
    collect(value, at: [], into: &figures)
    return figures
  }

  private static func collect(
    _ value: CanonicalJSON, at path: [String], into figures: inout [FigureName: String]
  ) {
    switch value {
    case .object(let members):
      for member in members { collect(member.value, at: path + [member.name], into: &figures) }
    case .text(let text), .number(let text): figures[FigureName(path)] = text
    case .array, .boolean, .null: figures[FigureName(path)] = ""
    }
  }
}

extension FigureName: Comparable {
  static func < (left: FigureName, right: FigureName) -> Bool {
    left.path.lexicographicallyPrecedes(right.path) {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
  }
}
