import ArgumentParser
import Database
import Glibc
import Server

/// Where the service is that a command is for.
struct ServiceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Configuration file of the service.", valueName: "file"))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "Data directory of the service; default: what the configuration says.", valueName: "dir"))
  var dataDirectory: String?

  /// Whether either was given.
  var isGiven: Bool { config != nil || dataDirectory != nil }

  /// The whole configuration, checked.
  func configuration(_ arguments: [String] = []) throws(CommandFailure) -> ServerConfiguration {
    try loaded(arguments).configuration
  }

  /// The data directory, which must exist.
  func layout() throws(CommandFailure) -> DataDirectoryLayout {
    try Self.layout(of: configuration())
  }

  /// Asks the running service.
  func ask(
    _ request: ControlRequest, timeout: Int = 60
  ) throws(CommandFailure) -> ControlResponse {
    try ControlClient.send(request, to: layout(), timeout: timeout)
  }

  static func layout(
    of configuration: ServerConfiguration
  ) throws(CommandFailure) -> DataDirectoryLayout {
    do throws(DataDirectoryError) {
      return try DataDirectoryLayout(existing: configuration.dataDirectory)
    } catch {
      throw CommandFailure(error)
    }
  }

  private func loaded(_ arguments: [String]) throws(CommandFailure) -> LoadedConfiguration {
    let place = dataDirectory.map { ["--data-directory=\($0)"] } ?? []
    do throws(ConfigurationError) {
      return try ConfigurationLoader.load(.process(file: config, arguments: place + arguments))
    } catch {
      throw CommandFailure(error)
    }
  }

  /// The account that runs the command, for the records of what operators did.
  static var operatorName: String {
    let environment = unsafe getenv("SUDO_USER").map { unsafe String(cString: $0) }
    if let environment, !environment.isEmpty { return environment }
    let account = unsafe getpwuid(getuid())
    return unsafe account.map { unsafe String(cString: $0.pointee.pw_name) } ?? "user \(getuid())"
  }
}

/// Where the service and its Postgres are.
struct DatabaseOptions: ParsableArguments {
  @OptionGroup var service: ServiceOptions

  @Option(
    help: ArgumentHelp(
      "Connection string of its Postgres, if not the one of the configuration.", valueName: "url"))
  var postgresUrl: String?

  /// The configuration with the given database.
  func configuration() throws(CommandFailure) -> ServerConfiguration {
    try service.configuration(postgresUrl.map { ["--postgres-url=\($0)"] } ?? [])
  }

  /// Connects to the service's Postgres.
  func open() throws(CommandFailure) -> RollupDatabase {
    try DatabaseLookup.open(configuration())
  }
}
