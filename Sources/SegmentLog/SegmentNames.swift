/// Every name on disk inside a data directory.
///
/// The installation's own files stand at the top. Each partition has a directory of its own, and
/// the other names are relative to it.
public enum SegmentNames {
  /// The installation's id and secret, at the top.
  public static let installation = "installation.json"
  /// The private key that certificates are signed with, at the top.
  public static let signingKey = "signing-key.json"
  /// The file whose lock says that a process owns the data directory, at the top.
  public static let lock = "lock"

  /// The directory of one partition, relative to the top: `partitions/00000`.
  public static func partition(_ number: UInt16) -> String {
    "partitions/" + padded(UInt64(number), to: 5)
  }

  /// The directory of segments.
  public static let segments = "segments"
  /// The durability mark.
  public static let mark = "mark"
  /// Checksums and per-hour sums of segments that are gone.
  public static let manifest = "manifest.ndjson"
  /// The directory of the key index's runs.
  public static let keys = "keys"
  /// The directory of rejected records.
  public static let quarantine = "quarantine"
  /// The directory of copies of torn tails.
  public static let torn = "torn"

  /// The path of a segment: `segments/00000000000000000007.wbs`.
  public static func segment(_ number: UInt64) -> String {
    segments + "/" + padded(number, to: 20) + suffix
  }

  /// The number of a segment from its file name without directory; nil if it is another file.
  public static func segmentNumber(of fileName: String) -> UInt64? {
    number(of: fileName, suffix: suffix)
  }

  /// The file name of a run, without directory: `00000000000000000007.wbr`.
  public static func run(_ number: UInt64) -> String { padded(number, to: 20) + runSuffix }

  /// The number of a run from its file name without directory; nil if it is another file.
  public static func runNumber(of fileName: String) -> UInt64? {
    number(of: fileName, suffix: runSuffix)
  }

  private static func number(of fileName: String, suffix: String) -> UInt64? {
    guard fileName.hasSuffix(suffix) else { return nil }
    let digits = fileName.utf8.dropLast(suffix.utf8.count)
    guard digits.count == 20 else { return nil }
    var number: UInt64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
      guard !overflow, !carry else { return nil }
      number = sum
    }
    return number
  }

  /// The path of the copy of a torn tail: `torn/00000000000000000007-80.tail`.
  ///
  /// - Parameter offset: where the tail was cut off in the segment.
  public static func tornTail(segment number: UInt64, offset: Int) -> String {
    torn + "/" + padded(number, to: 20) + "-\(offset).tail"
  }

  private static let suffix = ".wbs"
  private static let runSuffix = ".wbr"

  private static func padded(_ number: UInt64, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
