internal import Authentication
internal import EventLoop
internal import Logging
internal import Metering
internal import Wire

/// The sockets of one loop: the way of a frame from a socket to the ledger and of its answer back.
///
/// Frames of one read gather in columns; at the end of the read the ledger judges them as one
/// group. The thread of its loop owns it.
final class Reception {
  /// Records at which a group is judged before the read ends.
  private static let groupRecords = 4_096

  /// Where it lives.
  let home: ServiceLoop
  let logger: Logger
  let configuration: ServerConfiguration
  var counters = IngestCounters()
  var endpoints: [UDPEndpoint] = []
  var listeners: [StreamListener] = []
  /// Connections that this side ended before the peer did, by reason.
  var cutConnections: [String: UInt64] = [:]

  let partition: Partition
  let keys: KeyRing?
  private let limits: WireLimits
  private let quarantine: QuarantineFile
  let encoder: AnswerEncoder
  var columns = UsageColumns()
  /// Where the answer of each frame in the columns goes.
  var targets: [AnswerTarget] = []
  var answers = AckQueue()
  var refusal: [UInt8] = []
  /// Called once everything is answered.
  var onIdle: (() -> Void)?

  /// A reception without sockets.
  ///
  /// - Parameters:
  ///   - partition: who judges.
  ///   - home: where it lives.
  ///   - keys: the keys of sources; nil without authentication.
  init(
    for partition: Partition, on home: ServiceLoop, configuration: ServerConfiguration,
    keys: KeyRing?, quarantine: QuarantineFile, logger: Logger
  ) {
    self.partition = partition
    self.home = home
    self.configuration = configuration
    self.keys = keys
    self.quarantine = quarantine
    self.logger = logger
    limits = WireLimits(maximumFrameLength: configuration.ingest.maximumFrame)
    encoder = AnswerEncoder(installation: partition.ledger.identity.installation)
  }

  /// Takes a datagram, which must be one frame.
  func receive(datagram: RawSpan, from peer: SocketAddress, on endpoint: UDPEndpoint) {
    do throws(WireError) {
      let header = try FrameHeader(parsing: datagram, limits: limits)
      guard header.length == datagram.byteCount else {
        counters.wrongLength += 1
        return
      }
      _ = take(datagram, header, .datagram(endpoint, peer))
    } catch {
      counters.count(error)
    }
  }

  /// Takes the complete frames at the front of a stream's bytes.
  ///
  /// - Returns: how many bytes it consumed; nil if the stream cannot be followed any further.
  func receive(stream bytes: RawSpan, from peer: StreamPeer) -> Int? {
    // What came before bytes that cannot be followed counts all the same.
    defer { judge() }
    var consumed = 0
    do throws(WireError) {
      while true {
        let rest = bytes.extracting(droppingFirst: consumed)
        guard let length = try FrameHeader.frameLength(peeking: rest, limits: limits),
          length <= rest.byteCount
        else { break }
        let frame = rest.extracting(first: length)
        let header = try FrameHeader(parsing: frame, limits: limits)
        guard take(frame, header, .stream(peer)) else { return nil }
        consumed += length
      }
    } catch {
      counters.count(error)
      return nil
    }
    return consumed
  }

  /// Authenticates a frame and takes it into the group.
  ///
  /// - Returns: whether it is authentic.
  private func take(_ frame: RawSpan, _ header: FrameHeader, _ target: AnswerTarget) -> Bool {
    counters.frames += 1
    counters.bytes += UInt64(frame.byteCount)
    guard let sender = sender(of: frame, header) else { return false }
    if case .key(let key) = sender, !key.maySpeak(for: header.sourceName(in: frame)) {
      refuseSource(frame, header, target)
      return true
    }
    switch header.type {
    case .usage:
      do throws(WireError) {
        try columns.append(frame: frame, header: header)
        targets.append(target)
        if case .stream(let peer) = target { peer.outstanding += 1 }
        if columns.count >= Self.groupRecords { judge() }
      } catch {
        keep(frame, header, error)
        refuse(frame, header, target, .malformedBody)
      }
    case .heartbeat:
      counters.heartbeats += 1
      partition.ledger.noteHeartbeat(
        source: header.sourceName(in: frame), epoch: header.epoch,
        highestIssued: header.highestSequence)
    case .controlTotals: refuse(frame, header, target, .unsupportedType)
    case .ack, .refusal: counters.count(.unknownType(found: header.type.rawValue))
    }
    return true
  }

  /// Who made a frame.
  private enum Sender {
    /// Anyone: there is no authentication.
    case anyone
    /// Who holds this key.
    case key(KeyRing.Key)
  }

  /// Who made the frame; nil if it is not authentic.
  private func sender(of frame: RawSpan, _ header: FrameHeader) -> Sender? {
    guard let keys else {
      guard header.keyID == .none else {
        counters.wrongMode += 1
        return nil
      }
      return .anyone
    }
    guard header.keyID != .none else {
      counters.wrongMode += 1
      return nil
    }
    guard let key = keys[header.keyID.rawValue] else {
      counters.unknownKey += 1
      return nil
    }
    let tag = header.tag(in: frame)
    guard key.authenticator.verify(tag, of: header.authenticated(in: frame)) else {
      counters.wrongTag += 1
      return nil
    }
    return .key(key)
  }

  /// Refuses a frame whose key may not speak for its source. Heartbeats have no answer.
  private func refuseSource(_ frame: RawSpan, _ header: FrameHeader, _ target: AnswerTarget) {
    switch header.type {
    case .usage, .controlTotals: refuse(frame, header, target, .sourceNotAllowed)
    case .heartbeat: counters.refused[.sourceNotAllowed, default: 0] += 1
    case .ack, .refusal: counters.count(.unknownType(found: header.type.rawValue))
    }
  }

  /// Keeps an authentic frame with a body that cannot be cut.
  private func keep(_ frame: RawSpan, _ header: FrameHeader, _ error: WireError) {
    let name = header.sourceName(in: frame)
    let source = unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let bytes = unsafe frame.withUnsafeBytes { unsafe [UInt8]($0) }
    quarantine.append([
      QuarantineEntry(
        frame: bytes, source: source, header: header,
        arrival: Timestamp(milliseconds: EventLoop.wallMilliseconds()), error: error)
    ])
  }
}
