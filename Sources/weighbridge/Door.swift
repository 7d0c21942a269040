import ArgumentParser
import Glibc
import Server

/// The way in and out of the program: parses the command line, runs the command, and ends with one
/// of the codes of ``CommandExit``.
enum Door {
  /// Runs the command that the arguments name. Does not return.
  static func open() -> Never {
    let code: CommandExit
    do {
      var command = try Weighbridge.parseAsRoot()
      code = run(&command)
    } catch {
      code = answer(error)
    }
    exit(code.rawValue)
  }

  private static func run(_ command: inout any ParsableCommand) -> CommandExit {
    do {
      try command.run()
      return .done
    } catch let failure as CommandFailure {
      return report(failure)
    } catch let ending as Ending {
      return ending.exit
    } catch let error as ValidationError {
      return report(CommandFailure(error.message, exit: .usage))
    } catch  where Weighbridge.exitCode(for: error).isSuccess {
      // Help is a command too.
      return answer(error)
    } catch {
      return report(CommandFailure("\(error)"))
    }
  }

  /// Help, version, or what is wrong with the command line.
  private static func answer(_ error: any Error) -> CommandExit {
    let text = Weighbridge.fullMessage(for: error)
    if Weighbridge.exitCode(for: error).isSuccess {
      Console.write(text + "\n")
      return .done
    }
    if let failure = error as? CommandFailure { return report(failure) }
    Console.note(text)
    return .usage
  }

  private static func report(_ failure: CommandFailure) -> CommandExit {
    Console.note("weighbridge: \(failure.message)")
    return failure.exit
  }
}

/// Ends a command that has said everything with another code than 0.
struct Ending: Error {
  let exit: CommandExit

  /// Ends the command unless the code is that of success.
  static func end(_ exit: CommandExit) throws {
    if exit != .done { throw Ending(exit: exit) }
  }
}
