import CDatagrams
import Foundation
import Glibc
import Server

/// nfcapd of nfdump: flows into compressed files.
enum NfcapdPeer: Peer {
  static let name = "nfcapd"
  static let programs = ["nfcapd", "nfdump"]
  private static let port: UInt16 = 9_995

  static func measure() throws -> [PeerFigures] {
    let rate = try LossFreeSearch.find(
      from: 200_000, to: 20_000_000, steps: 8, seconds: 2, attempt)
    return [
      PeerFigures(
        name: "nfcapd, LZ4 files", recordsPerSecond: rate,
        promises: PeerPromises(
          acks: false, durable: "no sync", deduplicates: false, sumsByHour: false),
        note: "NetFlow v5, 30 flows in 1,464 bytes; the highest rate found at which every flow "
          + "of 4 seconds is in the files")
    ]
  }

  private static func attempt(
    _ rate: Double, _ seconds: Double
  ) throws -> (sent: Int64, stored: Int64) {
    let scratch = try ScratchDirectory("nfcapd")
    let files = scratch.file("files")
    try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
    let program = try ScratchProgram(
      "nfcapd",
      [
        "-w", files, "-b", "127.0.0.1", "-p", "\(port)", "-y", "-B", "4194304", "-t", "3600",
      ], in: scratch)
    try program.awaitPort(port, .udp)
    if let core = Cores.shared.receiver { _ = lg_pin(program.identifier, core) }
    let sent = try FlowSender.send(rate: rate, seconds: seconds, to: port)
    usleep(300_000)
    try program.stop()
    let text = try ScratchProgram.output("nfdump", ["-R", files, "-I"])
    let line = text.split(separator: "\n").first { $0.hasPrefix("Flows:") }
    guard let stored = line.flatMap({ Int64($0.dropFirst(6).trimmingCharacters(in: .whitespaces)) })
    else { throw CommandFailure("nfdump gave no number of flows: \(text.prefix(300))") }
    return (sent, stored)
  }
}
