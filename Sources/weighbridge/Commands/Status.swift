import ArgumentParser
import Server

/// `weighbridge status`
struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the state of the running service.",
    discussion: "Exits 0 if the service takes usage, 1 if it does not or does not run.")

  @OptionGroup var service: ServiceOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    guard let status = try service.ask(ControlRequest(.status)).status else {
      throw CommandFailure("the service answered without its state")
    }
    Console.write(try json ? JSONOutput.text(status) : StatusText.text(status))
    try Ending.end(status.isReady ? .done : .refused)
  }
}
