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

  /// The partition that judges, if there is one only and it lives here.
  let partition: Partition?
  /// How groups reach the partitions if they live elsewhere.
  let handOver: HandOver?
  let keys: KeyRing?
  private let limits: WireLimits
  private let quarantine: QuarantineFile
  let encoder: AnswerEncoder
  var columns = UsageColumns()
  /// Where the answer of each frame in the columns goes.
  var targets: [AnswerTarget] = []
  var answers = AckQueue()
  var refusal: [UInt8] = []
  /// Whether no more usage is taken.
  private(set) var isDraining = false
  /// Called once everything is answered.
  private var onIdle: (() -> Void)?

  /// A reception without sockets.
  ///
  /// - Parameters:
  ///   - partitions: who judges.
  ///   - tenants: which partition has which tenant.
  ///   - home: where it lives.
  ///   - keys: the keys of sources; nil without authentication.
  init(
    for partitions: [Partition], tenants: TenantPartitions, installation: InstallationID,
    on home: ServiceLoop, configuration: ServerConfiguration, keys: KeyRing?,
    quarantine: QuarantineFile, logger: Logger
  ) {
    if partitions.count == 1, partitions[0].home === home {
      partition = partitions[0]
      handOver = nil
    } else {
      partition = nil
      handOver = HandOver(to: partitions, tenants: tenants)
    }
    self.home = home
    self.configuration = configuration
    self.keys = keys
    self.quarantine = quarantine
    self.logger = logger
    limits = WireLimits(maximumFrameLength: configuration.ingest.maximumFrame)
    encoder = AnswerEncoder(installation: installation)
    guard let partition else {
      home.loop.onIterationEnd { [unowned self] in flushAnswers() }
      return
    }
    partition.onSynced = { [unowned self] synced in release(through: synced) }
    partition.holdsMore = { [unowned self] in endpoints.contains { $0.holdsDatagrams } }
  }

  /// Batches that wait for their answer.
  var waitingAnswers: Int { answers.count + (handOver?.framesInHand ?? 0) }

  /// Takes no more usage; what has come is judged.
  ///
  /// - Parameter action: called once everything is answered.
  func drain(_ action: @escaping () -> Void) {
    for endpoint in endpoints { endpoint.stopReceiving() }
    judge()
    isDraining = true
    partition?.isDraining = true
    onIdle = action
    noteIdle()
  }

  /// Goes on with what waits for the last answer, if that has left.
  func noteIdle() {
    guard let action = onIdle, waitingAnswers == 0 else { return }
    onIdle = nil
    action()
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
        guard take(frame, header, .stream(peer, frameLength: length)) else { return nil }
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
        if case .stream(let peer, let length) = target { peer.take(frameLength: length) }
        if columns.count >= Self.groupRecords { judge() }
      } catch {
        keep(frame, header, error)
        refuse(frame, header, target, .malformedBody)
      }
    case .heartbeat:
      counters.heartbeats += 1
      noteHeartbeat(frame, header)
    case .controlTotals: refuse(frame, header, target, .unsupportedType)
    case .ack, .refusal: counters.count(.unknownType(found: header.type.rawValue))
    }
    return true
  }

  private func noteHeartbeat(_ frame: RawSpan, _ header: FrameHeader) {
    let source = header.sourceName(in: frame)
    if let partition {
      partition.ledger.noteHeartbeat(
        source: source, epoch: header.epoch, highestIssued: header.highestSequence)
    } else {
      let name = unsafe source.withUnsafeBytes { unsafe [UInt8]($0) }
      handOver?.heartbeats.append(
        FrameGroup.Heartbeat(
          source: name, epoch: header.epoch, highestSequence: header.highestSequence))
    }
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
