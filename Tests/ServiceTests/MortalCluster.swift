import Foundation
import Postgres

/// A Postgres of a test's own, to be killed and started again.
final class MortalCluster {
  private(set) var cluster: PrivateCluster

  init() throws {
    cluster = try PrivateCluster.start(
      folder: "\(ScratchCluster.root)/mortal-\(UUID().uuidString.prefix(8))")
  }

  deinit {
    try? cluster.stop()
    try? FileManager.default.removeItem(atPath: cluster.folder)
  }

  /// Ends the server's first process with SIGKILL, as the kernel does when memory is short. Its
  /// sessions end by themselves when they notice.
  func kill() throws {
    let text = try String(
      contentsOfFile: "\(cluster.folder)/data/postmaster.pid", encoding: .utf8)
    guard let process = text.split(separator: "\n").first.flatMap({ pid_t($0) }),
      Foundation.kill(process, SIGKILL) == 0
    else { throw ServiceProcess.Failure(description: "no server to kill: \(text)") }
    // A process that is gone, or waits to be reaped, has no working directory.
    let directory = "/proc/\(process)/cwd"
    while (try? FileManager.default.destinationOfSymbolicLink(atPath: directory)) != nil {
      usleep(1_000)
    }
  }

  /// Starts the server on what it left, under the same address. The sessions of the one before may
  /// hold its memory for a while.
  func start(seconds: Double = 120) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while true {
      do {
        cluster = try PrivateCluster.start(folder: cluster.folder)
        return
      } catch {
        guard Date() < end else { throw error }
      }
    }
  }
}
