/// How a command ends: the one place that gives exit codes their meaning.
public enum CommandExit: Int32, Sendable, CaseIterable {
  /// It did what was asked.
  case done = 0
  /// It was refused or failed, or what it compared differs.
  case refused = 1
  /// The command line or the configuration is wrong.
  case usage = 2
  /// The log no longer holds what is needed to answer.
  case beyondRetention = 3
}

/// Why a command did not do what was asked: a message for people and an exit code.
public struct CommandFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong, in words that tell what to do; without a line break at its end.
  public let message: String
  /// How the command ends.
  public let exit: CommandExit

  /// A failure with its message.
  public init(_ message: String, exit: CommandExit = .refused) {
    self.message = message
    self.exit = exit
  }

  /// A configuration that is wrong.
  public init(_ error: ConfigurationError) {
    self.init("\(error)", exit: .usage)
  }

  /// A data directory that cannot be used.
  public init(_ error: DataDirectoryError) {
    self.init("\(error)")
  }

  /// The message.
  public var description: String { message }
}
