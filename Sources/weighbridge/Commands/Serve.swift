import ArgumentParser
import Server

/// `weighbridge serve`
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the service.",
    discussion: """
      SIGTERM and SIGINT stop it in good order: what is in hand is synced, acked and flushed. A \
      second signal ends it at once, with exit code 1, and tells the private Postgres to stop; the \
      next start recovers. One that comes during the start ends it after the step that is under \
      way, with exit code 0.

      Each setting is an argument, an environment variable, or a key of the configuration file, in \
      this order of strength:

      \(Setting.help)
      """)

  @Option(help: ArgumentHelp("Configuration file.", valueName: "file"))
  var config: String?

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("Settings, each --key VALUE.", valueName: "settings"))
  var settings: [String] = []

  func run() throws {
    let loaded: LoadedConfiguration
    do throws(ConfigurationError) {
      loaded = try ConfigurationLoader.load(.process(file: config, arguments: settings))
    } catch {
      throw CommandFailure(error)
    }
    try Ending.end(Service.serve(loaded))
  }
}
