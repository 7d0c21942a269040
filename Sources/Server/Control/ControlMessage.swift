internal import Foundation
internal import Metering

/// A question or order to the running service, one JSON object on a line.
public struct ControlRequest: Codable, Sendable {
  /// What is asked.
  public enum Command: String, Codable, Sendable {
    /// The state of everything.
    case status
    /// Flush what is folded to Postgres now, and wait for it.
    case flush
    /// Finalize a period of one tenant, or of all that have it open.
    case finalize
    /// Show both times, or confirm the wall clock.
    case clock
    /// Void or amend a record, or take quarantined ones.
    case correct
  }

  /// What is asked.
  public var command: Command
  /// For `finalize`: the period, such as `2026-01`.
  public var period: String?
  /// For `finalize`: one tenant; nil for all.
  public var tenant: String?
  /// Who asks.
  public var operatorName: String?
  /// For `clock`: whether to confirm.
  public var confirm: Bool?
  /// For `finalize`: why gaps are given up; nil if they are not.
  public var acceptsGaps: String?
  /// For `finalize` and `correct`: whether nothing is changed.
  public var isDryRun: Bool?
  /// For `correct`: what.
  public var correction: CorrectionRequest?

  /// A question or order.
  public init(
    _ command: Command, period: String? = nil, tenant: String? = nil,
    operatorName: String? = nil, confirm: Bool? = nil, acceptsGaps: String? = nil,
    isDryRun: Bool? = nil, correction: CorrectionRequest? = nil
  ) {
    self.command = command
    self.period = period
    self.tenant = tenant
    self.operatorName = operatorName
    self.confirm = confirm
    self.acceptsGaps = acceptsGaps
    self.isDryRun = isDryRun
    self.correction = correction
  }
}

/// The service's answer, one JSON object on a line.
public struct ControlResponse: Codable, Sendable {
  /// What was asked could not be done, for this reason.
  public var error: String?
  /// How the command then ends, as ``CommandExit``; nil for refused.
  public var exit: Int32?
  /// The state, for `status`.
  public var status: ServiceStatus?
  /// What a finalize did, tenant by tenant.
  public var finalized: [FinalizeResult]?
  /// Both times, for `clock`.
  public var clock: ClockReport?
  /// What became of each correction.
  public var corrections: [CorrectionReport]?

  /// An answer.
  public init(
    error: String? = nil, status: ServiceStatus? = nil, finalized: [FinalizeResult]? = nil,
    clock: ClockReport? = nil, corrections: [CorrectionReport]? = nil
  ) {
    self.error = error
    self.status = status
    self.finalized = finalized
    self.clock = clock
    self.corrections = corrections
  }
}

/// What became of one tenant in a finalize.
public struct FinalizeResult: Codable, Sendable {
  /// The tenant.
  public var tenant: String
  /// Why it was refused; nil if its period is finalized, or would be.
  public var refusal: String?
  /// The kind of the refusal in a word, such as `hours_open`.
  public var reason: String?
  /// The first hour of its period.
  public var start: String?
  /// The first hour after it.
  public var end: String?
  /// Whether the period is finalized now, by this order or one before.
  public var isFinalized: Bool
  /// Whether gaps in sources' numberings were given up for it, or would be.
  public var acceptsGaps = false
  /// For a dry run: which gaps would be given up, in words.
  public var gaps: String?
  /// Whether asking again later can end in another way.
  var mayPass: Bool?

  /// A period that was finalized.
  init(_ done: PeriodFinalization) {
    tenant = done.tenant
    (start, end) = (done.bounds.start.text, done.bounds.end.text)
    isFinalized = true
    acceptsGaps = done.acceptance != nil
  }

  /// A period that would be finalized.
  init(tenant: String, _ plan: Ledger.FinalizePlan) {
    self.tenant = tenant
    (start, end) = (plan.bounds.start.text, plan.bounds.end.text)
    isFinalized = false
    acceptsGaps = !plan.gaps.isEmpty
    gaps = plan.gaps.isEmpty ? nil : plan.gaps.text
  }

  init(tenant: String, refusal: FinalizeRefusal) {
    self.tenant = tenant
    self.refusal = refusal.description
    reason = refusal.name
    isFinalized = refusal.isFinalized
    mayPass = refusal.mayPass
  }
}

/// Both times, as the operator must see them before confirming.
public struct ClockReport: Codable, Sendable {
  /// The time of the log.
  public var log: String
  /// The wall clock.
  public var wall: String
  /// Whether the service holds because of them.
  public var isHeld: Bool
  /// Whether this command confirmed the wall clock.
  public var isConfirmed: Bool
}

/// How control messages look on the socket.
enum ControlCoding {
  /// The longest request line in bytes.
  static let maximumRequest = 64 << 10

  static func line(_ message: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(message) else {
      preconditionFailure("BUG: a control message that cannot be encoded")
    }
    return Array(data) + [UInt8(ascii: "\n")]
  }

  static func decode<Message: Decodable>(_ type: Message.Type, _ line: [UInt8]) throws -> Message {
    try JSONDecoder().decode(type, from: Data(line))
  }
}
