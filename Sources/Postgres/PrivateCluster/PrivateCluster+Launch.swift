internal import Glibc

extension PrivateCluster {
  /// Seconds that a start may take; recovery after a crash replays at most `max_wal_size`.
  private static let startSeconds = 120

  /// Makes the data directory under another name first, so that one cut short is never used.
  static func create(
    _ data: String, binaries: ServerBinaries, account: ServerAccount
  ) throws(PrivateClusterError) {
    let fresh = "\(data).new"
    try check(ChildProcess.run(account.command("/bin/rm", ["-rf", fresh])), "rm")
    let arguments = [
      "-D", fresh, "-U", administrator, "-E", "UTF8", "--locale=C", "--auth-local=trust",
      "--auth-host=reject", "--no-instructions",
    ]
    let made = try ChildProcess.run(account.command(binaries.path("initdb"), arguments))
    try check(made, "initdb")
    try FileCalls.rename(fresh, to: data)
  }

  /// Writes the configuration and starts the server.
  func launch() throws(PrivateClusterError) {
    let isAfterCrash = PostmasterFile(dataDirectory: data) != nil
    if isAfterCrash {
      // Its process is gone, or its number has gone to another program, which Postgres would take
      // for a server and refuse to start. The shared memory's own interlock stays.
      try FileCalls.remove("\(data)/postmaster.pid")
    }
    let settings = ClusterSettings.text(socketDirectory: socketDirectory)
    try FileCalls.write(settings, to: "\(data)/postgresql.conf", for: account)
    try FileCalls.write(ClusterSettings.hostAccess, to: "\(data)/pg_hba.conf", for: account)
    let arguments = [
      "start", "-D", data, "-w", "-t", String(Self.startSeconds), "-l", "\(folder)/start.log",
    ]
    // Sessions of a server that was killed hold its shared memory until they notice its end.
    var attemptsLeft = isAfterCrash ? 40 : 1
    while true {
      attemptsLeft -= 1
      do throws(PrivateClusterError) {
        try run("pg_ctl", arguments)
        return
      } catch {
        guard attemptsLeft > 0 else { throw error }
        usleep(250_000)
      }
    }
  }

  /// Waits until a server that was found running answers for this data directory.
  ///
  /// - Returns: false if it ended meanwhile; it was told so before it was found.
  func awaitAnswer(of server: PostmasterFile) throws(PrivateClusterError) -> Bool {
    var reason = ""
    for _ in 0..<(Self.startSeconds * 10) {
      do throws(PostgresError) {
        let connection = try PostgresConnection(administratorSettings("postgres"))
        let directory = try connection.execute("SHOW data_directory").text(0, 0)
        guard FileCalls.resolved(directory) == FileCalls.resolved(data) else {
          throw PostgresError(
            sqlState: nil, message: "it serves \(directory)", statement: "SHOW data_directory")
        }
        return true
      } catch {
        reason = error.message
      }
      guard server.isAlive(dataDirectory: data) else { return false }
      usleep(100_000)
    }
    throw .notAnswering(process: server.process, reason: reason)
  }

  /// Makes the database if it is not there.
  func makeDatabase() throws(PrivateClusterError) {
    do throws(PostgresError) {
      let connection = try PostgresConnection(administratorSettings("postgres"))
      let known = try connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = $1", [Self.database])
      guard known.count == 0 else { return }
      try connection.execute(
        """
        CREATE DATABASE "\(Self.database)" TEMPLATE template0 ENCODING 'UTF8'
          LC_COLLATE 'C' LC_CTYPE 'C'
        """)
    } catch {
      throw .postgres(error)
    }
  }

  /// Runs a program of the server as its account.
  func run(_ program: String, _ arguments: [String]) throws(PrivateClusterError) {
    let outcome = try ChildProcess.run(account.command(binaries.path(program), arguments))
    guard outcome.status != 0 else { return }
    var output = outcome.output
    if program == "pg_ctl", let log = FileCalls.text(of: "\(folder)/start.log") {
      output += "\(log.suffix(2_000))(more in \(data)/log)"
    }
    throw .program(name: program, status: outcome.status, output: output)
  }

  private func administratorSettings(_ database: String) -> ConnectionSettings {
    ConnectionSettings(connectionString(user: Self.administrator, database: database))
  }

  private static func check(
    _ outcome: ChildProcess.Outcome, _ program: String
  ) throws(PrivateClusterError) {
    guard outcome.status == 0 else {
      throw .program(name: program, status: outcome.status, output: outcome.output)
    }
  }
}
