import Authentication
import EventLoop
import Foundation
import SeededRandom
import Synchronization
import Testing
import Wire

@testable import Client

/// A small service: one receipt for a number, one count for a key, and a network and a temper as
/// bad as its plan says. It lives on the loop of one thread.
final class FakeServer {
  /// What goes wrong, in percent of the frames that arrive or of the answers that leave.
  struct Plan: Sendable {
    var seed: UInt64 = 1
    var lostFrames = 0
    var lostAnswers = 0
    var doubledAnswers = 0
    var wrongTags = 0
    var foreignAnswers = 0
    var retryLater = 0
    /// A batch whose number this divides is refused for good.
    var refusesMultiplesOf = UInt64.max
    /// Refuses everything with retry later.
    var alwaysRetriesLater = false
    /// Closes a stream after this many frames.
    var framesPerConnection = Int.max
    /// Answers as another installation after this many frames.
    var framesOfFirstInstallation = Int.max
    /// Acks with one record less.
    var miscounts = false
  }

  /// What the service knows.
  struct State: Sendable {
    /// Quantity of each key.
    var quantities: [String: Int64] = [:]
    var framesReceived = 0
    var batches = 0
    var connections = 0
    var badFrames: [String] = []
    var longestFrame = 0
  }

  /// What a receipt is filed under.
  private struct BatchID: Hashable {
    var epoch: UInt64
    var sequence: UInt64
  }

  private(set) var state = State()
  let loop: EventLoop
  private(set) var address: SocketAddress
  private let plan: Plan
  private let keyID: KeyID
  private let authenticator: MessageAuthenticator?
  private var random: SplitMix64
  private var receipts: [BatchID: AckReceipt] = [:]
  private var exceptions: [BatchID: [UInt8]] = [:]
  private var endpoint: UDPEndpoint?
  private var listener: StreamListener?

  init(_ transport: SenderOptions.Transport, key: SourceKey?, plan: Plan) throws {
    self.plan = plan
    random = SplitMix64(seed: plan.seed)
    keyID = key?.id ?? .none
    authenticator = key.map { MessageAuthenticator(secret: $0.secret) }
    loop = try EventLoop()
    address = try #require(SocketAddress("127.0.0.1:0"))
    switch transport {
    case .udp:
      let endpoint = try UDPEndpoint(
        on: loop, bind: address, options: UDPOptions(receiveBufferBytes: 1 << 22))
      address = endpoint.localAddress
      endpoint.startReceiving(
        onDatagram: { [unowned self] bytes, peer in
          receive(bytes) { endpoint.queue($0, to: peer) }
        }, onBatchEnd: { endpoint.flushQueued() })
      self.endpoint = endpoint
    case .tcp:
      let listener = try StreamListener(on: loop, at: .tcp(address)) {
        [unowned self] _ in handlers()
      }
      if case .tcp(let bound) = listener.localAddress { address = bound }
      self.listener = listener
    }
  }

  private func handlers() -> StreamHandlers {
    state.connections += 1
    var framesLeft = plan.framesPerConnection
    return StreamHandlers(onRead: { [unowned self] connection, bytes in
      var offset = 0
      while true {
        let rest = bytes.extracting(offset..<bytes.byteCount)
        guard let length = try? FrameHeader.frameLength(peeking: rest, limits: .standard),
          length <= rest.byteCount
        else { return offset }
        receive(rest.extracting(0..<length)) { _ = connection.write($0) }
        offset += length
        framesLeft -= 1
        if framesLeft == 0 {
          connection.close()
          return offset
        }
      }
    })
  }

  private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  private func receive(_ frame: RawSpan, answer: (RawSpan) -> Void) {
    state.framesReceived += 1
    if chance(plan.lostFrames) { return }
    do throws(WireError) {
      let header = try FrameHeader(parsing: frame, limits: .standard)
      guard header.keyID == keyID,
        authenticator?.verify(header.tag(in: frame), of: header.authenticated(in: frame)) ?? true
      else { return state.badFrames.append("wrong tag") }
      state.longestFrame = max(state.longestFrame, header.length)
      var columns = UsageColumns()
      try columns.append(frame: frame, header: header)
      for bytes in judge(header, frame, columns) where !chance(plan.lostAnswers) {
        for _ in 0..<(chance(plan.doubledAnswers) ? 2 : 1) { answer(bytes.rawSpan) }
      }
    } catch {
      state.badFrames.append("\(error)")
    }
  }

  /// The answers to a batch, good and bad.
  private func judge(
    _ header: FrameHeader, _ frame: RawSpan, _ columns: borrowing UsageColumns
  )
    -> [[UInt8]]
  {
    let source = header.sourceName(in: frame)
    let batch = BatchID(epoch: header.epoch, sequence: header.sequence)
    let isSecond = state.framesReceived > plan.framesOfFirstInstallation
    let encoder = AnswerEncoder(installation: InstallationID(bits: isSecond ? 2 : 1))
    var answers: [[UInt8]] = []
    var answering = AnswerHeader(answering: header, arrival: Timestamp(milliseconds: 0))
    func refuse(_ reason: RefusalReason, _ retryAfter: UInt32) {
      var bytes: [UInt8] = []
      encoder.appendRefusal(
        answering, source: source, reason: reason, retryAfter: retryAfter, to: &bytes, tag: tag)
      answers.append(bytes)
    }
    if plan.alwaysRetriesLater || receipts[batch] == nil && chance(plan.retryLater) {
      refuse(.queueFull, 5)
      return answers
    }
    if header.sequence.isMultiple(of: plan.refusesMultiplesOf) {
      refuse(.malformedBody, 0)
      return answers
    }
    let isResent = receipts[batch] != nil
    if !isResent { count(batch, columns) }
    guard var receipt = receipts[batch] else { return [] }
    receipt.isResent = isResent
    var bytes: [UInt8] = []
    let exceptions = exceptions[batch] ?? []
    encoder.appendAck(
      answering, source: source, receipt: receipt, exceptions: exceptions.span, missing: Span(),
      limit: header.length, to: &bytes, tag: tag)
    if chance(plan.wrongTags) {
      var forged = bytes
      forged[bytes.count - 1] ^= 1
      answers.append(forged)
    }
    if chance(plan.foreignAnswers) {
      answering.epoch += 1
      refuse(.malformedBody, 0)
      answering.epoch -= 1
      answering.sequence += 1_000_000
      answering.highestSequence += 1_000_000
      refuse(.malformedBody, 0)
      answers.append(Array("not a frame at all".utf8))
    }
    return answers + [bytes]
  }

  private func count(_ batch: BatchID, _ columns: borrowing UsageColumns) {
    var codes: [UInt8] = []
    for index in 0..<columns.count {
      let key = columns.key(index)
      let text = key.byteOffsets.map { unsafe key.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        .description
      let quantity = columns.quantity[index]
      if let known = state.quantities[text] {
        codes.append(known == quantity ? AckCode.duplicate.rawValue : AckCode.conflict.rawValue)
      } else if quantity == 13 {
        codes.append(AckCode(rejected: .timeTooOld).rawValue)
      } else {
        state.quantities[text] = quantity
        codes.append(AckCode.accepted.rawValue)
      }
    }
    if plan.miscounts { codes.removeLast() }
    var counts = VerdictCounts()
    for code in codes {
      if let verdict = AckCode(rawValue: code).verdict { counts[verdict] += 1 }
    }
    receipts[batch] = AckReceipt(counts: counts)
    exceptions[batch] = AckExceptions(codes: codes.span).bytes
    state.batches += 1
  }

  private func tag(_ bytes: RawSpan) -> UInt128 { authenticator?.tag(of: bytes) ?? 0 }
}

/// A ``FakeServer`` on a thread of its own, until it is stopped.
final class FakeServerThread {
  let address: SocketAddress
  private let wakeup: Wakeup
  private let result: Result

  private final class Result: Sendable {
    let started = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)
    let handle = Mutex<(SocketAddress, Wakeup)?>(nil)
    let state = Mutex(FakeServer.State())
  }

  init(
    _ transport: SenderOptions.Transport, key: SourceKey? = nil,
    plan: FakeServer.Plan = FakeServer.Plan()
  ) throws {
    let result = Result()
    Thread {
      defer {
        result.started.signal()
        result.ended.signal()
      }
      guard let server = try? FakeServer(transport, key: key, plan: plan),
        let wakeup = try? server.loop.makeWakeup({ [unowned server] in server.loop.stop() })
      else { return }
      result.handle.withLock { $0 = (server.address, wakeup) }
      result.started.signal()
      server.loop.run()
      server.loop.close()
      result.state.withLock { $0 = server.state }
    }.start()
    result.started.wait()
    let handle = try #require(result.handle.withLock { $0 }, "the fake server did not start")
    (address, wakeup) = handle
    self.result = result
  }

  /// Ends the thread and answers what the service knew.
  func stop() -> FakeServer.State {
    wakeup.signal()
    result.ended.wait()
    return result.state.withLock { $0 }
  }
}
