/// How severe a log line is, from the least to the most.
public enum LogLevel: String, Sendable, CaseIterable {
  /// Every step.
  case trace
  /// What helps to find a fault.
  case debug
  /// What normally happens.
  case info
  /// What is worth to be noticed.
  case notice
  /// What may need attention.
  case warning
  /// What failed.
  case error
  /// What stops the service.
  case critical
}

/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
  /// One line for people: time, level, message, fields.
  case text
  /// One JSON object per line for machines.
  case json
}
