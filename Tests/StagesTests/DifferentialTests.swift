import Foundation
import SealedKeys
import Testing

/// The differential run, with as few keys as it takes to seal, merge, restart and expire.
@Suite struct DifferentialTests {
  private let folder = FileManager.default.temporaryDirectory.path

  @Test func noAnswerIsWrong() throws {
    let run = try DifferentialRun(keys: 60_000, directory: folder, seed: 9) { _ in }
    let report = try run.run()
    #expect(report.wrong.total == 0, "\(report.wrong.examples)")
    #expect(report.asked["every key"] == 60_000)
    #expect(report.asked["as many that never came"] == 60_000)
    for question in [
      "old key", "old key, other payload", "neighbour", "key that never came", "old key, at random",
      "key after its window", "key at the end of its window", "renewed",
    ] {
      #expect(report.asked[question, default: 0] > 100, "\(question)")
    }
    #expect(report.restarts.count == 3 && report.runs > 1)
  }

  @Test func filesGoWithARunThatEnds() throws {
    struct Stopped: Error {}
    let own = "\(folder)/weighbridge-differential.\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: own) }
    #expect(throws: Stopped.self) {
      let run = try DifferentialRun(keys: 60_000, directory: own, seed: 9) { _ in throw Stopped() }
      _ = try run.run()
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: own).isEmpty)
  }

  @Test func tooManyKeysAreRefused() throws {
    #expect(throws: DiskIsSmall.self) {
      try DifferentialRun(keys: 1 << 50, directory: folder, seed: 9) { _ in }
    }
  }
}
