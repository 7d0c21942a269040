import Testing

/// A place where a rule of the house is broken.
struct Fault: CustomStringConvertible, Equatable {
  /// The file or folder, from the top of the repository.
  var path: String
  /// The line, from 1; 0 for the whole file.
  var line = 0
  /// What is wrong and what would be right.
  var message: String

  var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)" }
}

/// Fails once for each fault, with its place.
func expectNone(_ faults: [Fault], sourceLocation: SourceLocation = #_sourceLocation) {
  for fault in faults { Issue.record("\(fault)", sourceLocation: sourceLocation) }
}
