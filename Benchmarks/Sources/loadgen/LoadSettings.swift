import CanonicalLoad
import Wire

/// What is run.
struct LoadSettings: Codable {
  var transport = Transport.udp
  /// Bytes of every frame.
  var datagramBytes = 1_400
  var keys = KeyForm.raw
  var hmac = false
  /// Sources, each with a socket of its own.
  var sources = 1
  /// Batches of one source that may wait for their acks: as many as a receive buffer of 4 MiB holds
  /// with room to spare, and enough for a disk that takes some milliseconds to sync.
  var window = 1_024
  var duplicatesPercent = 5.0
  var conflictsPercent = 0.2
  var latePercent = 0.5
  /// Frames that are prepared; each is sent again and again with new keys.
  var frames = 4_096
  var seed: UInt64 = 42
  var seconds: Double? = 8
  var records: Int64?
  /// Records per second on a schedule; nil for a closed loop.
  var rate: Double?
  /// Whether nothing but receiving and acking is measured.
  var sink = false
  /// One ack of so many has its tag checked.
  var checkEvery = 1
  /// Whether the sender and the receiver get a core each.
  var pin = true
  /// Further settings of the service.
  var service: [String] = []

  /// Why these settings cannot be run; nil if they can.
  var fault: String? {
    if !(1...1_000).contains(sources) { return "sources is \(sources); 1 to 1,000 are allowed" }
    if !(1...65_536).contains(window) { return "window is \(window); 1 to 65,536 are allowed" }
    if !(300...WireLimits.longestFrame).contains(datagramBytes) {
      return "datagram is \(datagramBytes); 300 to \(WireLimits.longestFrame) bytes are allowed"
    }
    if !(1...1_000_000).contains(frames) { return "frames is \(frames); 1 to 1,000,000 allowed" }
    let shares = [duplicatesPercent, conflictsPercent, latePercent]
    if shares.contains(where: { $0 < 0 }) || shares.reduce(0, +) > 50 {
      return "duplicates, conflicts and late are \(shares); together 0 to 50 percent are allowed"
    }
    if let rate, !(rate >= 1) { return "rate is \(rate); at least 1 is allowed" }
    if checkEvery < 1 { return "check-every is \(checkEvery); at least 1 is allowed" }
    return nil
  }

  var shares: MixShares {
    MixShares(
      duplicates: Int(duplicatesPercent * 100), conflicts: Int(conflictsPercent * 100),
      late: Int(latePercent * 100))
  }

  /// The load in few words.
  var summary: String {
    var words = [
      transport.rawValue, "\(datagramBytes) B", "\(keys.rawValue) keys",
      "hmac \(hmac ? "on" : "off")", "\(sources) source\(sources == 1 ? "" : "s")",
    ]
    words.append(
      rate.map { "\(Int64($0)) records/s on a schedule" } ?? "window of \(window) batches")
    if sink { words.append("receiving and acking alone") }
    return words.joined(separator: ", ")
  }
}
