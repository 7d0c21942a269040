import ArgumentParser
import Server

/// `loadgen`: the canonical load, and the baseline that it is compared with.
@main
struct Loadgen: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loadgen",
    abstract: "Load a service over loopback and check its answer against Postgres.",
    subcommands: [Run.self, Suite.self, PeersCommand.self, Sink.self], defaultSubcommand: Run.self)
}

extension Transport: ExpressibleByArgument {}
extension SuiteMode: ExpressibleByArgument {}
