/// What a running server says about itself in `postmaster.pid`.
struct PostmasterFile {
  /// Process id of the server.
  let process: Int32
  /// The directory of its socket.
  let socketDirectory: String

  /// Reads the file of a data directory; nil if there is none or it is not complete yet.
  ///
  /// Lines: process id, data directory, start time, port, socket directory, …
  init?(dataDirectory: String) {
    guard let text = FileCalls.text(of: "\(dataDirectory)/postmaster.pid") else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > 4, let process = Int32(lines[0]), process > 0 else { return nil }
    self.process = process
    socketDirectory = String(lines[4])
  }

  /// Whether the process works in the data directory, as every server does; a number that another
  /// program got after a crash does not.
  func isAlive(dataDirectory: String) -> Bool {
    guard let directory = FileCalls.target(ofLink: "/proc/\(process)/cwd") else { return false }
    return directory == FileCalls.resolved(dataDirectory)
  }
}
