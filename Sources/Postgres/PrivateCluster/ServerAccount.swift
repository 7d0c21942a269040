internal import Glibc

/// The account that the server of the private cluster runs as: our own, or `postgres` if we are
/// root, since Postgres refuses to run as root.
struct ServerAccount {
  /// The account's name.
  let name: String
  /// Its user id.
  let user: uid_t
  /// Its group id.
  let group: gid_t
  /// Whether it is another account than ours, so that files must be given to it.
  let isOther: Bool

  /// The account for this process.
  init() throws(PrivateClusterError) {
    guard geteuid() == 0 else {
      name = "user \(geteuid())"
      user = geteuid()
      group = getegid()
      isOther = false
      return
    }
    guard let entry = unsafe getpwnam("postgres") else {
      throw .accountNotFound(name: "postgres")
    }
    name = "postgres"
    user = unsafe entry.pointee.pw_uid
    group = unsafe entry.pointee.pw_gid
    isOther = true
  }

  /// The arguments that run a program as this account. `setpriv` becomes the program, so that no
  /// process stands between, and it leaves the session alone, unlike `su`.
  func command(_ program: String, _ arguments: [String]) -> [String] {
    guard isOther else { return [program] + arguments }
    return [
      "/usr/bin/setpriv", "--reuid", String(user), "--regid", String(group), "--init-groups",
      program,
    ] + arguments
  }

  /// Makes sure that the account may pass every directory above a path.
  func requireReachable(_ path: String) throws(PrivateClusterError) {
    guard isOther else { return }
    var directory = ""
    for part in path.split(separator: "/").dropLast() {
      directory += "/\(part)"
      let status = try ChildProcess.run(command("/usr/bin/test", ["-x", directory])).status
      guard status == 0 else {
        throw .directoryNotReachable(directory: directory, account: name)
      }
    }
  }
}
