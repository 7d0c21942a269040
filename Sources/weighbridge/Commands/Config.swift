import ArgumentParser
import Server

/// `weighbridge config`
struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check the configuration.", subcommands: [Check.self])

  /// `weighbridge config check`
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show every setting with its value and origin, or every fault.",
      discussion: """
        Takes the same settings as weighbridge serve. At the end it says how many keys the dedup \
        window holds, and at which rate. Exits 0 if the service would take the configuration, and \
        2 with all faults if not.
        """)

    @Option(help: ArgumentHelp("Configuration file.", valueName: "file"))
    var config: String?

    @Flag(help: "Print JSON.") var json = false

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
      Console.write(
        try json ? JSONOutput.text(ConfigurationReport(loaded)) : ConfigurationText.text(loaded))
    }
  }
}
