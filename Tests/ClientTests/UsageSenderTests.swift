import EventLoop
import Synchronization
import Testing
import Wire

@testable import Client

@Suite(.serialized)
struct UsageSenderTests {
  private static let key = SourceKey(id: KeyID(3), secret: Array(0..<32))

  /// Records with the keys `from..<to`; the quantity follows from the key, 13 is rejected.
  private func records(_ numbers: Range<Int>) -> () throws(InputFailure) -> UsageRecord? {
    var next = numbers.lowerBound
    return { () throws(InputFailure) -> UsageRecord? in
      guard next < numbers.upperBound else { return nil }
      defer { next += 1 }
      return UsageRecord(
        tenant: "tenant-\(next % 5)", kind: .traffic, operation: "GET /v1/tasks/{id}",
        contextType: .project, context: "project-\(next % 3)",
        time: Timestamp(milliseconds: 1_760_000_000_000 + Int64(next)),
        quantity: Int64(next % 1_000),
        key: next.isMultiple(of: 2) ? .raw(UInt128(next)) : .text("k\(next)"))
    }
  }

  private func options(
    _ address: SocketAddress, _ transport: SenderOptions.Transport, key: SourceKey? = nil,
    frameLimit: Int? = nil, timeout: Int64 = 60_000
  ) -> SenderOptions {
    SenderOptions(
      server: address, transport: transport, source: SourceIdentity(name: "web-1", epoch: 9),
      key: key, frameLimit: frameLimit, window: 16, timeout: timeout, resendDelay: 20)
  }

  /// Sends and answers the summary, or the error's with its reason.
  private func send(
    _ options: SenderOptions, _ records: @escaping () throws(InputFailure) -> UsageRecord?
  ) throws -> (SendSummary, SendError.Reason?) {
    do throws(SendError) {
      return (try UsageSender(options: options).send(records: records), nil)
    } catch {
      return (error.summary, error.reason)
    }
  }

  @Test(arguments: SenderOptions.Transport.allCases, [true, false])
  func everythingArrivesOnce(transport: SenderOptions.Transport, isSigned: Bool) throws {
    let key = isSigned ? Self.key : nil
    let server = try FakeServerThread(transport, key: key)
    let (summary, reason) = try send(
      options(server.address, transport, key: key), records(0..<5_000))
    let state = server.stop()
    #expect(reason == nil)
    #expect(state.badFrames == [] && state.quantities.count == 4_995)
    #expect(summary.recordsRead == 5_000 && summary.recordsSent == 5_000)
    #expect(summary.recordsAcked == 5_000 && summary.recordsWaiting == 0)
    #expect(summary.verdicts[.accepted] == 4_995 && summary.verdicts[.rejected] == 5)
    #expect(summary.rejections == [.timeTooOld: 5] && summary.rejectionsWithoutReason == 0)
    #expect(summary.batchesAcked == UInt64(state.batches))
    #expect(summary.installation == InstallationID(bits: 1))
    #expect(state.longestFrame <= (transport == .udp ? 1_432 : 32_768))
  }

  @Test(arguments: SenderOptions.Transport.allCases, 1...3 as ClosedRange<UInt64>)
  func nothingIsLostOrCountedTwice(transport: SenderOptions.Transport, seed: UInt64) throws {
    var plan = FakeServer.Plan(seed: seed, lostFrames: 10, lostAnswers: 10, doubledAnswers: 20)
    (plan.wrongTags, plan.foreignAnswers, plan.retryLater) = (20, 0, 15)
    if transport == .udp { plan.foreignAnswers = 20 }
    if transport == .tcp { plan.framesPerConnection = 40 }
    let server = try FakeServerThread(transport, key: Self.key, plan: plan)
    let (summary, reason) = try send(
      options(server.address, transport, key: Self.key, frameLimit: 1_432), records(0..<8_000))
    let state = server.stop()
    #expect(reason == nil && state.badFrames == [])
    #expect(state.quantities.count == 7_992)
    #expect(summary.verdicts[.accepted] == 7_992 && summary.verdicts[.rejected] == 8)
    #expect(summary.recordsAcked == 8_000 && summary.batchesWaiting == 0)
    #expect(summary.batchesAcked == UInt64(state.batches))
    #expect(summary.batchesResent > 0 && summary.ignored.wrongTag > 0)
    #expect(summary.ignored.repeated > 0 && summary.deferrals[.queueFull] ?? 0 > 0)
    #expect(plan.foreignAnswers == 0 || summary.ignored.foreign > 0)
    #expect(plan.foreignAnswers == 0 || summary.ignored.neverSent > 0)
    #expect(plan.foreignAnswers == 0 || summary.ignored.malformed > 0)
    #expect(transport == .udp || state.connections > 1)
  }

  @Test func sendingAgainUnderANewEpochCountsNothingTwice() throws {
    let server = try FakeServerThread(.udp)
    var options = options(server.address, .udp)
    _ = try send(options, records(0..<1_000))
    options.source.epoch += 1
    let (summary, reason) = try send(options, records(0..<1_000))
    #expect(server.stop().quantities.count == 999)
    #expect(reason == nil && summary.verdicts[.accepted] == 0)
    #expect(summary.verdicts[.duplicate] == 999 && summary.verdicts[.rejected] == 1)
  }

  @Test func whatIsRefusedForGoodIsReported() throws {
    let server = try FakeServerThread(.udp, plan: .init(refusesMultiplesOf: 3))
    let (summary, reason) = try send(options(server.address, .udp), records(20..<1_000))
    let state = server.stop()
    #expect(reason == nil)
    #expect(summary.failedBatchCount == summary.batchesSent / 3 && summary.failedBatchCount > 2)
    #expect(summary.failedBatches.first?.reason == .malformedBody)
    #expect(summary.failedBatches.map(\.sequence).sorted().first == 3)
    #expect(summary.failedRecords + summary.recordsAcked == 980)
    #expect(UInt64(state.quantities.count) == summary.recordsAcked)
  }

  @Test func aServiceThatAlwaysSaysLater() throws {
    let server = try FakeServerThread(.udp, plan: .init(alwaysRetriesLater: true))
    let (summary, reason) = try send(
      options(server.address, .udp, timeout: 300), records(0..<50))
    _ = server.stop()
    guard case .noProgress(_, _, let refusal) = reason else {
      Issue.record("found \(String(describing: reason))")
      return
    }
    #expect(refusal == .queueFull && summary.recordsWaiting == 50 && summary.recordsAcked == 0)
    #expect(summary.batchesWaiting > 0 && summary.deferrals[.queueFull] ?? 0 > 0)
  }

  @Test(arguments: SenderOptions.Transport.allCases)
  func nobodyListens(transport: SenderOptions.Transport) throws {
    let server = try FakeServerThread(transport)
    let address = server.address
    _ = server.stop()
    let (summary, reason) = try send(options(address, transport, timeout: 300), records(0..<50))
    guard case .noProgress(let silence, let trouble, nil) = reason else {
      Issue.record("found \(String(describing: reason))")
      return
    }
    #expect(silence >= 300 && trouble?.contains(address.description) == true)
    #expect(summary.recordsAcked == 0 && summary.recordsWaiting == Int(summary.recordsSent))
  }

  @Test(arguments: [
    (0, 0, 0, "no progress for 300 ms; nothing was sent"),
    (3, 0, 0, "no progress for 300 ms"),
    (3, 1, 1, "no progress for 300 ms; 1 record in 1 batch was sent and not acked"),
    (3, 1, 2, "no progress for 300 ms; 2 records in 1 batch were sent and not acked"),
    (3, 2, 20, "no progress for 300 ms; 20 records in 2 batches were sent and not acked"),
  ])
  func whatHasNoAckIsTold(sent: UInt64, waiting: Int, records: Int, text: String) {
    var summary = SendSummary()
    (summary.batchesSent, summary.batchesWaiting, summary.recordsWaiting) = (sent, waiting, records)
    let reason = SendError.Reason.noProgress(milliseconds: 300, transport: nil, refusal: nil)
    #expect(SendError(reason: reason, summary: summary).description == text)
  }

  @Test func anAnswerOfAnotherInstallationStops() throws {
    let server = try FakeServerThread(.udp, plan: .init(framesOfFirstInstallation: 5))
    let (summary, reason) = try send(options(server.address, .udp), records(0..<2_000))
    _ = server.stop()
    #expect(
      reason
        == .installationChanged(first: InstallationID(bits: 1), found: InstallationID(bits: 2)))
    #expect(summary.recordsWaiting > 0)
  }

  @Test func anEpochThatWasUsedBeforeStops() throws {
    let server = try FakeServerThread(.udp, plan: .init(miscounts: true))
    let (_, reason) = try send(options(server.address, .udp), records(0..<10))
    _ = server.stop()
    #expect(reason == .receiptMismatch(sequence: 1, sent: 10, receipt: 9))
  }

  @Test func recordsThatNoServiceTakesAreNotSent() throws {
    let server = try FakeServerThread(.udp)
    var rest = [
      UsageRecord(
        tenant: "", kind: .traffic, operation: "a", time: Timestamp(milliseconds: 0), quantity: 1,
        key: .text("a")),
      UsageRecord(
        tenant: "t", kind: .traffic, operation: "a", time: Timestamp(milliseconds: 0),
        quantity: -1, key: .text("b")),
      UsageRecord(
        tenant: "t", kind: .traffic, operation: "a", time: Timestamp(milliseconds: 0),
        quantity: 1, key: .text("c")),
    ]
    let (summary, reason) = try send(options(server.address, .udp)) {
      () throws(InputFailure) -> UsageRecord? in rest.popLast()
    }
    #expect(server.stop().quantities.count == 1)
    #expect(reason == nil && summary.recordsRead == 3 && summary.recordsAcked == 1)
    #expect(summary.unsendable == [.nameEmpty: 1, .quantityNegative: 1])
  }

  @Test func anInputThatFailsIsReportedAfterItsRecordsAreAcked() throws {
    let server = try FakeServerThread(.tcp)
    let failure = InputFailure.cannotRead(path: "x", offset: 7, reason: "no")
    let source = records(0..<10)
    let (summary, reason) = try send(options(server.address, .tcp)) {
      () throws(InputFailure) -> UsageRecord? in
      guard let record = try source() else { throw failure }
      return record
    }
    #expect(server.stop().quantities.count == 10)
    #expect(reason == .input(failure) && summary.recordsAcked == 10)
  }

  @Test func nothingToSend() throws {
    let server = try FakeServerThread(.udp)
    var reports = 0
    let summary = try UsageSender(options: options(server.address, .udp)).send(
      records: records(0..<0), progress: { _ in reports += 1 })
    #expect(server.stop().framesReceived == 0)
    #expect(summary == SendSummary() && reports == 1)
  }

  @Test func optionsOutsideTheirRanges() throws {
    let address = try #require(SocketAddress("127.0.0.1:1"))
    let cases: [((inout SenderOptions) -> Void, String)] = [
      ({ $0.window = 0 }, "window: found 0, allowed is 1 to 65536"),
      ({ $0.window = 65_537 }, "window: found 65537"),
      ({ $0.timeout = 0 }, "timeout: found 0"),
      ({ $0.frameLimit = 1_199 }, "frame limit: found 1199, allowed is 1200 bytes or more"),
      ({ $0.frameLimit = 65_508 }, "frame limit: found 65508, allowed is at most 65507"),
      ({ $0.source.name = "" }, "source name: found 0 bytes, allowed is 1 to 64"),
      ({ $0.source.name = "a b" }, "source name: found byte 32, allowed is A-Z"),
      ({ $0.key = SourceKey(id: .none, secret: Array(0..<32)) }, "key id 0"),
      ({ $0.key = SourceKey(id: KeyID(1), secret: [1]) }, "has 1 bytes"),
    ]
    for (change, expected) in cases {
      var options = options(address, .udp)
      change(&options)
      do throws(SendError) {
        _ = try UsageSender(options: options)
        Issue.record("taken: \(expected)")
      } catch {
        #expect(error.description.contains(expected), "\(error)")
      }
    }
  }

  @Test func aKeyDoesNotTellItsSecret() {
    var text = ""
    dump(Self.key, to: &text)
    #expect("\(Self.key) \(text)".contains("3") && !text.contains("secret"))
  }
}
