import Foundation
import Testing

@testable import Postgres

@Suite("Private cluster", .serialized)
struct PrivateClusterTests {
  /// A folder for one test, removed with its cluster when the test ends.
  private func withFolder(_ name: String, _ body: (String) throws -> Void) throws {
    let folder = "/tmp/weighbridge-test-c\(getpid())-\(name)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func connect(_ cluster: PrivateCluster) throws -> PostgresConnection {
    try PostgresConnection(
      ConnectionSettings(cluster.connectionString(user: PrivateCluster.administrator)))
  }

  @Test("created, adopted while it runs, started again after a stop and after a crash")
  func lifecycle() throws {
    try withFolder("life") { folder in
      let created = try PrivateCluster.start(folder: folder)
      #expect(created.origin == .created)
      try connect(created).execute("CREATE TABLE kept (i int8)")
      try connect(created).execute("INSERT INTO kept VALUES (7)")

      let adopted = try PrivateCluster.start(folder: folder)
      #expect(adopted.origin == .adopted)
      #expect(adopted.socketDirectory == created.socketDirectory)
      try adopted.stop()
      try adopted.stop()
      #expect(throws: PostgresError.self) { try connect(adopted) }

      let started = try PrivateCluster.start(folder: folder)
      #expect(started.origin == .started)
      let running = try #require(PostmasterFile(dataDirectory: started.data))
      kill(running.process, SIGKILL)
      while running.isAlive(dataDirectory: started.data) { usleep(1_000) }

      let recovered = try PrivateCluster.start(folder: folder)
      defer { try? recovered.stop() }
      #expect(recovered.origin == .started)
      #expect(try connect(recovered).execute("SELECT i FROM kept").integer(0, 0) == 7)
    }
  }

  @Test("a server that is about to end is awaited and started again", .timeLimit(.minutes(2)))
  func endingServer() throws {
    try withFolder("end") { folder in
      let cluster = try PrivateCluster.start(folder: folder)
      let running = try #require(PostmasterFile(dataDirectory: cluster.data))
      // A smart shutdown lets nobody in and waits for the sessions that there are.
      let session = Session(try connect(cluster))
      kill(running.process, SIGTERM)
      let waiter = Thread {
        while !Self.log(of: cluster).contains("the database system is shutting down") {
          usleep(10_000)
        }
        session.end()
      }
      waiter.start()
      let again = try PrivateCluster.start(folder: folder)
      defer { try? again.stop() }
      #expect(again.origin == .started)
      #expect(try connect(again).execute("SELECT 1").count == 1)

      again.beginStop()
      while again.isRunning { usleep(10_000) }
    }
  }

  /// What the server has logged.
  private static func log(of cluster: PrivateCluster) -> String {
    let folder = "\(cluster.data)/log"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { try? String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
      .joined()
  }

  @Test("a process number that another program got after a crash is no server")
  func recycledProcessNumber() throws {
    try withFolder("pid") { folder in
      let cluster = try PrivateCluster.start(folder: folder)
      let path = "\(cluster.data)/postmaster.pid"
      let file = try String(contentsOfFile: path, encoding: .utf8)
      let running = try #require(PostmasterFile(dataDirectory: cluster.data))
      try cluster.stop()
      let stale = file.replacing("\(running.process)\n", with: "\(getpid())\n", maxReplacements: 1)
      try stale.write(toFile: path, atomically: false, encoding: .utf8)
      let again = try PrivateCluster.start(folder: folder)
      defer { try? again.stop() }
      #expect(again.origin == .started)
    }
  }

  @Test("the server has its own session, no port, a private socket and none of our descriptors")
  func isolation() throws {
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listening) }
    try withFolder("own") { folder in
      let cluster = try PrivateCluster.start(folder: folder)
      defer { try? cluster.stop() }
      let running = try #require(PostmasterFile(dataDirectory: cluster.data))
      #expect(getsid(running.process) != getsid(0))
      #expect(getpgid(running.process) != getpgid(0))

      let ours = FileCalls.target(ofLink: "/proc/self/fd/\(listening)")
      #expect(ours?.hasPrefix("socket:") == true)
      let folderOfDescriptors = "/proc/\(running.process)/fd"
      for name in try FileManager.default.contentsOfDirectory(atPath: folderOfDescriptors) {
        #expect(FileCalls.target(ofLink: "\(folderOfDescriptors)/\(name)") != ours)
      }

      let connection = try connect(cluster)
      #expect(try connection.execute("SHOW listen_addresses").text(0, 0) == "")
      #expect(try connection.execute("SHOW server_encoding").text(0, 0) == "UTF8")
      #expect(try connection.execute("SHOW lc_collate").text(0, 0) == "C")
      for directory in [cluster.folder, cluster.socketDirectory] {
        let status = try #require(FileCalls.status(directory))
        #expect(status.st_mode & 0o777 == 0o700)
      }
    }
  }

  @Test("a path too long for a socket gets a short directory, the same one every time")
  func longPath() throws {
    let parent = "long-" + String(repeating: "x", count: 90)
    try withFolder(parent) { folder in
      let cluster = try PrivateCluster.start(folder: folder)
      defer {
        try? cluster.stop()
        try? FileManager.default.removeItem(atPath: cluster.socketDirectory)
      }
      #expect(cluster.socketDirectory.hasPrefix("/tmp/weighbridge-"))
      #expect(SocketDirectory.choose(folder: folder) == cluster.socketDirectory)
      #expect(try connect(cluster).execute("SELECT 1").count == 1)
    }
  }

  @Test("a socket directory that others may enter, or that is a link, is refused")
  func foreignSocketDirectory() throws {
    let account = try ServerAccount()
    let folder = "/" + String(repeating: "y", count: 100) + "\(getpid())"
    let directory = SocketDirectory.choose(folder: folder)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    unsafe chmod(directory, 0o755)
    #expect(throws: PrivateClusterError.self) {
      try SocketDirectory.prepare(folder: folder, account: account)
    }
    try FileManager.default.removeItem(atPath: directory)
    unsafe symlink("/tmp", directory)
    #expect(throws: PrivateClusterError.self) {
      try SocketDirectory.prepare(folder: folder, account: account)
    }
  }

  @Test("a directory that the server's account may not enter is named")
  func unreachable() throws {
    try withFolder("shut") { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      unsafe chmod(folder, 0o700)
      guard geteuid() == 0 else {
        // Without root the server runs as ourselves, who may enter.
        let cluster = try PrivateCluster.start(folder: "\(folder)/postgres")
        try cluster.stop()
        return
      }
      #expect(
        throws: PrivateClusterError.directoryNotReachable(directory: folder, account: "postgres")
      ) {
        try PrivateCluster.start(folder: "\(folder)/postgres")
      }
    }
  }

  @Test("a cluster of a version that is not installed is refused by name")
  func otherVersion() throws {
    try withFolder("old") { folder in
      let cluster = try PrivateCluster.start(folder: folder)
      try cluster.stop()
      try "8\n".write(toFile: "\(cluster.data)/PG_VERSION", atomically: false, encoding: .utf8)
      let error = #expect(throws: PrivateClusterError.self) {
        try PrivateCluster.start(folder: folder)
      }
      #expect(error?.description.hasPrefix("PostgreSQL 8, which made this cluster,") == true)
    }
  }
}

/// A session that one thread opens and another ends.
private final class Session: Sendable {
  nonisolated(unsafe) private var connection: PostgresConnection?

  init(_ connection: sending PostgresConnection) { unsafe self.connection = connection }

  func end() { unsafe connection = nil }
}
