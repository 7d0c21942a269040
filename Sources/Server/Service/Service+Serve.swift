internal import Logging

extension Service {
  /// Runs the service of a checked configuration until it is told to stop.
  ///
  /// - Throws: ``CommandFailure`` if it cannot start, or had to stop for another reason.
  public static func serve(_ loaded: LoadedConfiguration) throws(CommandFailure) {
    StopSignals.hold()
    ServerLogHandler.bootstrap(loaded.configuration.logging)
    let logger = Logger(label: "weighbridge")
    for warning in loaded.warnings { logger.warning("\(warning)") }
    let service: Service
    do {
      service = try Service(loaded.configuration)
    } catch is StopSignals.Received {
      logger.notice("stopped before it was ready")
      return
    } catch {
      throw error as? CommandFailure ?? CommandFailure("\(error)")
    }
    try service.run()
  }
}
