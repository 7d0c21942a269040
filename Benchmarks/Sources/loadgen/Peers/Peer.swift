import Foundation
import Glibc

/// Another program that does a part of what the service does, under a load of ours.
protocol Peer {
  /// What the figures are named after.
  static var name: String { get }
  /// Programs that must be there.
  static var programs: [String] { get }
  /// Starts it, loads it, stops it.
  static func measure() throws -> [PeerFigures]
}

/// What a program does and does not promise.
struct PeerPromises: Codable {
  /// Whether the sender learns what was taken.
  var acks: Bool
  /// Whether what was taken survives a crash of the machine.
  var durable: String
  /// Whether a record that comes twice counts once.
  var deduplicates: Bool
  /// Whether hourly sums are kept.
  var sumsByHour: Bool
}

/// A rate of another program.
struct PeerFigures: Codable {
  var name: String
  var recordsPerSecond: Double
  var promises: PeerPromises
  /// How it was measured.
  var note: String
  /// The rate of the service, as a multiple of this one.
  var ratio: Double?
}

enum Peers {
  static var all: [any Peer.Type] {
    [NfcapdPeer.self, NfacctdPeer.self, PostgresPeer.self, RedisPeer.self]
  }

  /// The path of a program; nil if it is not installed.
  static func program(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
    return folders.map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
  }

  /// The first program that a peer needs and that is not there.
  static func missing(_ peer: any Peer.Type) -> String? {
    peer.programs.first { program($0) == nil }
  }
}
