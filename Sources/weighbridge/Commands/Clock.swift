import ArgumentParser
import Server

/// `weighbridge clock`
struct Clock: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show both times, and confirm the wall clock after a jump.",
    subcommands: [Confirm.self])

  /// `weighbridge clock confirm`
  struct Confirm: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Confirm that the wall clock is right, so that usage is taken again.",
      discussion: """
        Shows the time of the log and the wall clock. With --yes the wall clock is taken as right, \
        and the log notes who said so. This cannot be undone: hours up to it close, and usage \
        that is older than acceptance.back before it is rejected from then on.
        """)

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Confirm, not only show.") var yes = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let request = ControlRequest(
        .clock, operatorName: ServiceOptions.operatorName, confirm: yes)
      guard let report = try service.ask(request).clock else {
        throw CommandFailure("the service answered without its times")
      }
      Console.write(try json ? JSONOutput.text(report) : Self.text(report))
    }

    static func text(_ report: ClockReport) -> String {
      var facts = Facts()
      facts.add("time of the log", report.log)
      facts.add("wall clock", report.wall)
      let state =
        switch (report.isHeld, report.isConfirmed) {
        case (_, true): "confirmed; usage is taken again"
        case (true, false): "held; usage is refused. If the wall clock is right, repeat with --yes"
        case (false, false): "not held; there is nothing to confirm"
        }
      facts.add("state", state)
      return facts.text
    }
  }
}
