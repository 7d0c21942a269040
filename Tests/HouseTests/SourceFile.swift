/// One text file of the repository.
struct SourceFile {
  /// Its path from the top of the repository.
  let path: String
  /// What it says.
  let text: String

  /// Its lines, without their ends.
  var lines: [Substring] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// Its name without folders.
  var name: Substring { path.split(separator: "/").last ?? "" }

  /// What stands after the last point of the name; empty without one.
  var kind: Substring {
    guard let point = name.lastIndex(of: "."), point != name.startIndex else { return "" }
    return name[name.index(after: point)...]
  }

  /// The folder below `Sources` or `Tests` that holds it: its target.
  var target: String? {
    let parts = path.split(separator: "/")
    guard parts.count > 2, parts[0] == "Sources" || parts[0] == "Tests" else { return nil }
    return String(parts[1])
  }
}
