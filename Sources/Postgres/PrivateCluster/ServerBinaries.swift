internal import Glibc

/// The programs of one installed PostgreSQL server.
struct ServerBinaries {
  /// The directory that holds `postgres`, `initdb` and `pg_ctl`.
  let directory: String

  /// Path of a program.
  func path(_ program: String) -> String { "\(directory)/\(program)" }

  /// Finds the programs: where `pg_config` points, then `/usr/lib/postgresql/*/bin` with the
  /// highest version first, then `PATH`.
  ///
  /// - Parameter version: the major version that must be met, from the cluster's `PG_VERSION`; nil
  ///   for a new cluster.
  static func find(version: String?) throws(PrivateClusterError) -> ServerBinaries {
    let candidates = try candidates()
    for directory in candidates where isComplete(directory) {
      guard let version else { return ServerBinaries(directory: directory) }
      if try majorVersion(in: directory) == version {
        return ServerBinaries(directory: directory)
      }
    }
    throw .serverNotFound(version: version, searched: candidates)
  }

  private static func candidates() throws(PrivateClusterError) -> [String] {
    let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
    let onPath = path.split(separator: ":").map(String.init)
    var found: [String] = []
    for directory in onPath where FileCalls.isExecutable("\(directory)/pg_config") {
      let answer = try ChildProcess.run(["\(directory)/pg_config", "--bindir"])
      if answer.status == 0 { found.append(String(answer.output.prefix { !$0.isNewline })) }
      break
    }
    found += installedVersions().map { "/usr/lib/postgresql/\($0)/bin" }
    found += onPath
    return found
  }

  private static func installedVersions() -> [Int] {
    guard let directory = unsafe opendir("/usr/lib/postgresql") else { return [] }
    defer { unsafe closedir(directory) }
    var versions: [Int] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
        unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if let version = Int(name) { versions.append(version) }
    }
    return versions.sorted(by: >)
  }

  private static func isComplete(_ directory: String) -> Bool {
    ["postgres", "initdb", "pg_ctl"].allSatisfy { FileCalls.isExecutable("\(directory)/\($0)") }
  }

  /// "15" from `postgres (PostgreSQL) 15.6 (Debian …)`.
  private static func majorVersion(in directory: String) throws(PrivateClusterError) -> String? {
    let answer = try ChildProcess.run(["\(directory)/postgres", "--version"])
    let words = answer.output.split(separator: " ")
    guard answer.status == 0, words.count > 2 else { return nil }
    return String(words[2].prefix(while: \.isWholeNumber))
  }
}
