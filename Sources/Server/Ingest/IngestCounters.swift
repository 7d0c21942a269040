internal import Metering
internal import Wire

/// What reception counted since the start, beside the ledger's own counters.
struct IngestCounters {
  /// Frames that were received, good ones and others.
  var frames: UInt64 = 0
  /// Bytes of these frames.
  var bytes: UInt64 = 0
  /// Heartbeats.
  var heartbeats: UInt64 = 0
  /// Frames that were not taken and not answered, by the name of the `WireError`.
  var invalid: [String: UInt64] = [:]
  /// Frames with a key id that no key has.
  var unknownKey: UInt64 = 0
  /// Frames with a wrong tag.
  var wrongTag: UInt64 = 0
  /// Frames without authentication while it is required, or with a key while there is none.
  var wrongMode: UInt64 = 0
  /// Datagrams that hold more or less than one frame.
  var wrongLength: UInt64 = 0
  /// Authentic frames that were refused as a whole before they reached the ledger, by reason. With
  /// several partitions those that one of them refused, too.
  var refused: [RefusalReason: UInt64] = [:]
  /// Batches judged, and those whose receipt was repeated: with several partitions, whose ledgers
  /// count each batch once more.
  var batches: UInt64 = 0
  var resent: UInt64 = 0

  mutating func count(_ error: WireError) { invalid[error.name, default: 0] += 1 }

  /// Counts what became of a batch in several partitions together.
  mutating func count(_ disposition: BatchOutcome.Disposition) {
    switch disposition {
    case .judged: batches += 1
    case .resent, .archived, .copy: resent += 1
    case .refused(let reason): refused[reason, default: 0] += 1
    }
  }

  /// Adds what another reception counted.
  mutating func add(_ other: IngestCounters) {
    frames += other.frames
    bytes += other.bytes
    heartbeats += other.heartbeats
    invalid.merge(other.invalid, uniquingKeysWith: +)
    unknownKey += other.unknownKey
    wrongTag += other.wrongTag
    wrongMode += other.wrongMode
    wrongLength += other.wrongLength
    batches += other.batches
    resent += other.resent
    refused.merge(other.refused, uniquingKeysWith: +)
  }
}
