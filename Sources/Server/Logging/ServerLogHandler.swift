internal import EventLoop
internal import Glibc
public import Logging
internal import Wire

/// Writes log lines to standard error, each with one call.
public struct ServerLogHandler: LogHandler {
  /// Fields of every line.
  public var metadata: Logger.Metadata = [:]
  /// The least severe lines that are written.
  public var logLevel: Logger.Level
  /// Fields that are asked for at every line.
  public var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let format: LogFormat
  private let hasColours: Bool

  init(
    label: String, level: Logger.Level, format: LogFormat, hasColours: Bool,
    metadataProvider: Logger.MetadataProvider?
  ) {
    self.label = label
    self.format = format
    self.hasColours = hasColours
    self.metadataProvider = metadataProvider
    logLevel = level
  }

  /// Makes every logger of this process write as configured. Call it once, before any logger.
  ///
  /// Colours are used only if standard error is a terminal and NO_COLOR is not in the environment.
  public static func bootstrap(_ configuration: ServerConfiguration.Logging) {
    let hasColours = unsafe isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == nil
    let level = Logger.Level(rawValue: configuration.level.rawValue) ?? .info
    LoggingSystem.bootstrap(
      { label, provider in
        ServerLogHandler(
          label: label, level: level, format: configuration.format, hasColours: hasColours,
          metadataProvider: provider)
      }, metadataProvider: nil)
  }

  /// A field of every line.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one line; what cannot be written is lost, since a log must not stop the service.
  public func log(event: LogEvent) {
    let fields = (metadataProvider?.get() ?? [:])
      .merging(metadata) { $1 }
      .merging(event.metadata ?? [:]) { $1 }
    let line = LogLine(
      time: Timestamp(milliseconds: EventLoop.wallMilliseconds()), level: event.level,
      label: label, message: "\(event.message)", fields: fields)
    let bytes = Array((format == .json ? line.json : line.text(hasColours: hasColours)).utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
  }
}
