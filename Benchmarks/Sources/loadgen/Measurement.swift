import CanonicalLoad
import EventLoop
import Foundation
import Metering
import Server
import Wire

/// One load against one receiver, from the start of the receiver to the check of the sums.
struct Measurement {
  /// Whom the load is for.
  enum Receiver {
    /// A service that runs already; nothing else may have been sent to it.
    case running(dataDirectory: String)
    /// A service of its own.
    case own(program: String)
    /// A process that acks whatever it gets.
    case sink
  }

  var name: String
  var settings: LoadSettings
  var receiver: Receiver
  /// The key to sign with; nil for the one of a service of its own.
  var secret: SourceSecret?
  /// Whether the service recomputes its rollups from its log as well.
  var verify = true

  /// What was sent, and what came back.
  private struct Outcome {
    var result: LoadResult
    var pools: [FramePool]
    var recordsPerBatch: Double
    /// Processor time of everything on the machine meanwhile, in seconds.
    var machineSeconds: Double
  }

  /// Runs the load.
  ///
  /// - Throws: if it could not be run; differences are part of the report.
  func run() throws -> Report {
    switch receiver {
    case .sink:
      let process = try SinkProcess()
      defer { process.stop() }
      let pin = ReceiverPin(process.identifier, isWanted: settings.pin)
      defer { pin.end() }
      let before = ProcessUsage(of: process.identifier)
      let outcome = try send(to: process.address(settings.transport), after: [])
      return report(
        outcome, ReceiverFigures(process.identifier, since: before, outcome.result),
        directory: FileManager.default.temporaryDirectory.path,
        differences: answers(outcome, expected: nil))
    case .running(let directory):
      return try measure(directory, late: nil) { nil }
    case .own(let program):
      var own = settings.service.map { "--\($0)" }
      if settings.latePercent > 0 { own.append("--hours-close-grace=0s") }
      let service = try ChildService(program: program, settings: own, key: signer)
      defer { service.stop() }
      let late = settings.latePercent > 0 ? Preload.lastPeriod : nil
      return try measure(service.dataDirectory, late: late) {
        verify ? try service.verify() : nil
      }
    }
  }

  private var signer: SourceSecret? { settings.hmac ? secret ?? .own : nil }

  private func measure(
    _ directory: String, late: BillingPeriod?, verify: () throws -> String?
  ) throws -> Report {
    let first = try ServiceProbe(dataDirectory: directory)
    let pin = ReceiverPin(first.process, isWanted: settings.pin)
    defer { pin.end() }
    var pools: [FramePool] = []
    if let late {
      pools.append(
        try Preload(plan: plan(for: first.address(settings.transport)), period: late)
          .run(poolPlan(), directory: directory))
    }
    let probe = try ServiceProbe(dataDirectory: directory)
    let watch = try FlushWatch(dataDirectory: directory)
    let outcome = try send(to: probe.address(settings.transport), after: pools)
    let receiver = ReceiverFigures(probe.process, since: probe.usageBefore, outcome.result)
    var figures = try probe.finish(outcome.result)
    figures.visible = watch?.finish(outcome.result.progress)
    let expected = Expectation(outcome.pools)
    var differences = answers(outcome, expected: Expectation([outcome.pools[pools.count]]))
    differences += ResultCheck.totals(try probe.totals(), expected: expected.totals)
    if let text = try verify() { differences.append("verify: \(text)") }
    return report(
      outcome, receiver, directory: directory, figures: figures, differences: differences)
  }

  private func send(to address: SocketAddress, after earlier: [FramePool]) throws -> Outcome {
    let pool = FramePool(poolPlan())
    if let fault = pool.firstFault() {
      throw CommandFailure("the decoder of the service does not take what would be sent: \(fault)")
    }
    let before = Machine.processorSeconds()
    let result = try LoadThread.run(plan(for: address), pool: pool)
    return Outcome(
      result: result, pools: earlier + [pool], recordsPerBatch: pool.recordsPerFrame,
      machineSeconds: Machine.processorSeconds() - before)
  }

  private func poolPlan() -> FramePool.Plan {
    var plan = FramePool.Plan(
      frames: max(settings.frames, settings.window * settings.sources),
      frameLength: settings.datagramBytes, keys: settings.keys,
      epoch: UInt64(EventLoop.wallMilliseconds()))
    plan.sources = settings.sources
    plan.keyID = signer?.id ?? 0
    plan.secret = signer?.bytes
    plan.shares = settings.shares
    plan.lateTime = Preload.time(in: Preload.lastPeriod)
    plan.seed = settings.seed
    return plan
  }

  private func plan(for address: SocketAddress) -> LoadPlan {
    let host = "\(address)".drop { $0 == "[" }.prefix { $0 != "]" }
    return LoadPlan(
      host: host.contains("::") ? String(host) : String(host.prefix { $0 != ":" }),
      port: address.port, transport: settings.transport, sources: settings.sources,
      window: settings.window,
      seconds: settings.seconds ?? (settings.records == nil ? 10 : .infinity),
      records: settings.records ?? .max, rate: settings.rate, secret: signer?.bytes,
      checkEvery: settings.checkEvery, core: settings.pin ? Cores.shared.sender : nil)
  }

  private func answers(_ outcome: Outcome, expected: Expectation?) -> [String] {
    ResultCheck.answers(outcome.result, expected: expected)
  }

  private func report(
    _ outcome: Outcome, _ receiver: ReceiverFigures, directory: String,
    figures: ServiceFigures? = nil, differences: [String]
  ) -> Report {
    let result = outcome.result
    let perRecord = figures?.processorNanosecondsPerRecord ?? receiver.nanosecondsPerRecord
    let own = result.senderSeconds + perRecord / 1e9 * Double(result.ackedRecords)
    return Report(
      name: name, machine: Machine(dataDirectory: directory), settings: settings,
      sender: SenderFigures(result, recordsPerBatch: outcome.recordsPerBatch),
      receiver: receiver,
      othersPercent: max(0, outcome.machineSeconds - own) / max(result.seconds, 0.001) * 100,
      service: figures, differences: differences)
  }
}

/// A sender on a thread of its own, so that only that is put on a core.
enum LoadThread {
  private final class Outcome: @unchecked Sendable {
    var result = LoadResult()
    let done = DispatchSemaphore(value: 0)
  }

  private struct Job: @unchecked Sendable {
    let sender: LoadSender
  }

  static func run(_ plan: LoadPlan, pool: FramePool) throws -> LoadResult {
    let job = Job(sender: try LoadSender(plan, pool: pool))
    let outcome = Outcome()
    let thread = Thread {
      outcome.result = job.sender.run()
      outcome.done.signal()
    }
    thread.stackSize = 8 << 20
    thread.start()
    outcome.done.wait()
    return outcome.result
  }
}
