import ArgumentParser
import Server

/// `weighbridge verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Recompute the rollups from the log and compare them with Postgres.",
    discussion: """
      Folds the segments up to the checkpoint in Postgres and compares every row of usage_hourly \
      and usage_adjustments, digests included, in one snapshot. The service may run meanwhile.

      Exits 0 if all rows are equal, 1 if some differ (the first \(LogVerifier.differenceLimit) \
      are named), and 3 if none differs but some cannot be recomputed because segments were deleted.
      """)

  @OptionGroup var database: DatabaseOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let layout = try ServiceOptions.layout(of: database.configuration())
    let bar = ProgressLine()
    let result: Verification
    do {
      result = try LogVerifier.verify(layout, against: database.open()) { done, total in
        bar.show(
          Double(done) / Double(max(total, 1)),
          "\(NumberText.bytes(done)) of \(NumberText.bytes(total))")
      }
      bar.clear()
    } catch {
      bar.clear()
      throw error
    }
    Console.write(try json ? VerificationText.json(result) : VerificationText.text(result))
    try Ending.end(result.exit)
  }
}
