internal import Logging

extension Service {
  /// Runs the service of a checked configuration until it is told to stop.
  ///
  /// - Returns: how the command ends; why, if it could not start or had to stop, is in its log.
  public static func serve(_ loaded: LoadedConfiguration) -> CommandExit {
    StopSignals.hold()
    ServerLogHandler.bootstrap(loaded.configuration.logging)
    let logger = Logger(label: "weighbridge")
    for warning in loaded.warnings { logger.warning("\(warning)") }
    do {
      return try Service(loaded.configuration).run()
    } catch is StopSignals.Received {
      logger.notice("stopped before it was ready")
      return .done
    } catch {
      logger.critical("\(error)")
      return (error as? CommandFailure)?.exit ?? .refused
    }
  }
}
