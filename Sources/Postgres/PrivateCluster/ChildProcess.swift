internal import CLibPQ
internal import Glibc

/// Runs a program to its end (`posix_spawn`).
enum ChildProcess {
  /// How a program ended and what it said.
  struct Outcome {
    /// Exit status; 128 plus the signal's number if a signal ended it.
    var status: Int32
    /// Standard output and standard error.
    var output: String
  }

  /// Runs a program and waits.
  ///
  /// The child gets a session of its own, so that Ctrl-C at the terminal does not reach it, default
  /// signals, `/` as its directory, a bare environment, and no descriptor of ours but a pipe.
  ///
  /// - Parameter command: the program's path and its arguments.
  static func run(_ command: [String]) throws(PrivateClusterError) -> Outcome {
    let name = command.first ?? ""
    var ends: [Int32] = [0, 0]
    guard unsafe pipe(&ends) == 0 else {
      throw .fileOperation(operation: "pipe to", path: name, errno: errno)
    }
    defer { close(ends[0]) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (error, process) = spawn(command, output: ends[1])
    close(ends[1])
    guard error == 0 else {
      throw .program(name: name, status: error, output: systemMessage(error))
    }
    let output = FileCalls.text(from: ends[0], limit: 16 << 10)
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else {
        throw .fileOperation(operation: "wait for", path: name, errno: errno)
      }
    }
    let signal = status & 0x7F
    return Outcome(status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output: output)
  }

  private static func spawn(_ command: [String], output: Int32) -> (Int32, pid_t) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)
    unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    unsafe posix_spawn_file_actions_addchdir_np(&actions, "/")

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which the overlay lacks
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | newSession))

    let arguments = CStringArray(command)
    let environment = CStringArray(["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"])
    var process: pid_t = 0
    let error = unsafe arguments.withMutablePointers { arguments in
      unsafe environment.withMutablePointers { environment in
        guard let arguments = unsafe arguments, let environment = unsafe environment else {
          fatalError("BUG: an array of C strings always holds its null pointer")
        }
        return unsafe posix_spawn(
          &process, command[0], &actions, &attributes, arguments, environment)
      }
    }
    return (error, process)
  }
}
