import ArgumentParser
import Server

/// `weighbridge verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Recompute the rollups from the log and compare them with Postgres.",
    discussion: """
      Folds the segments up to the checkpoint in Postgres and compares every row of usage_hourly \
      and usage_adjustments, digests included, and the figures of every finalized period in \
      billing_periods. Of hours whose segments were deleted it compares the records and quantities \
      with the manifest. The service may run meanwhile.

      Exits 0 if all is equal, 1 if something differs (the first \(LogVerifier.differenceLimit) \
      differences are named), and 3 if nothing differs but rows cannot be recomputed because their \
      segments were deleted; their hours are named.
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
