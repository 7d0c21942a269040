/// The heart names no clock, no randomness, no file, no thread: a replay must give the same answer.
enum Purity {
  /// How a banned word must stand to be meant.
  enum Use {
    /// Anywhere.
    case any
    /// After a point, as in `.random(in:)`.
    case member
    /// Before a parenthesis and not after a point.
    case call
  }

  /// Banned words, how they stand, and what to use instead.
  static let bans: [String: (use: Use, instead: String)] = {
    var bans: [String: (use: Use, instead: String)] = [:]
    func ban(_ words: [String], _ use: Use, _ instead: String) {
      for word in words { bans[word] = (use, instead) }
    }
    ban(
      [
        "Date", "ContinuousClock", "SuspendingClock", "DispatchTime", "clock_gettime",
        "gettimeofday",
      ], .any, "time is a value that is handed in: a Timestamp")
    ban(["SystemRandomNumberGenerator", "arc4random"], .any, "a seed or secret that is handed in")
    ban(
      ["random", "randomElement", "shuffled", "shuffle"], .member,
      "a seed or secret that is handed in")
    ban(["Hasher"], .call, "KeyHasher, whose key is handed in; Hasher has another seed per process")
    ban(["hashValue"], .member, "KeyHasher; a hash value is another one in each process")
    ban(
      ["FileManager", "FileHandle", "fopen", "fdatasync", "fsync", "mmap", "socket", "getenv"],
      .any, "bytes that are handed in, and actions that the shell carries out")
    ban(["print", "debugPrint", "dump", "readLine"], .call, "a value for the caller to show")
    ban(
      ["ProcessInfo", "CommandLine"], .any, "a setting that is handed in")
    ban(
      [
        "Thread", "Task", "TaskGroup", "DispatchQueue", "Mutex", "Atomic", "NSLock",
        "pthread_create",
        "pthread_mutex_t", "actor", "async", "await",
      ], .any, "a value; one thread owns a ledger, and the shell has the threads")
    return bans
  }()

  /// What the heart must not name in this file.
  static func faults(in file: SourceFile) -> [Fault] {
    SwiftCode(file.text).words.compactMap { word in
      guard let (use, instead) = bans[word.text] else { return nil }
      let isMember = word.before == UInt8(ascii: ".")
      let isMeant =
        switch use {
        case .any: true
        case .member: isMember
        case .call: !isMember && word.after == UInt8(ascii: "(")
        }
      guard isMeant else { return nil }
      return Fault(path: file.path, line: word.line, message: "\(word.text); instead: \(instead)")
    }
  }
}
