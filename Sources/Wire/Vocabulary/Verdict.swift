/// The one judgement that every usage record gets.
///
/// Counters, log names and metric labels are made from these cases, so that they cannot disagree.
public enum Verdict: UInt8, Sendable, CaseIterable, Hashable {
  /// New, inside the acceptance window, in an open period.
  case accepted = 0
  /// Its key is in the dedup window with the same payload.
  case duplicate = 1
  /// Its key is in the dedup window with another payload: the first stands.
  case conflict = 2
  /// New, but its period is finalized: booked as an adjustment.
  case late = 3
  /// Refused with a ``RejectionReason``.
  case rejected = 4

  /// The name in files, tables, logs and metric labels.
  public var name: String {
    switch self {
    case .accepted: "accepted"
    case .duplicate: "duplicate"
    case .conflict: "conflict"
    case .late: "late"
    case .rejected: "rejected"
    }
  }
}

/// Why one usage record was rejected while the rest of its batch was judged.
public enum RejectionReason: UInt8, Sendable, CaseIterable, Hashable {
  /// A table index past the end of its table, an unknown kind, or reserved bits that are set.
  case malformedRecord = 1
  /// A name or a text key that is not UTF-8.
  case textNotUTF8 = 2
  /// A name or a text key that contains U+0000.
  case textContainsNull = 3
  /// A tenant or operation name that is empty.
  case nameEmpty = 4
  /// A text key that is empty.
  case keyEmpty = 5
  /// A quantity of −2⁶³, the one value outside ±(2⁶³ − 1).
  case quantityOutOfRange = 6
  /// A negative quantity of a kind that only counts up (traffic, compute).
  case quantityNegative = 7
  /// An event time before 1970-01-01T00:00:00Z or after 9999-12-31T23:59:59.999Z.
  case timeInvalid = 8
  /// An event time older than the acceptance window back.
  case timeTooOld = 9
  /// An event time further ahead than the acceptance window ahead.
  case timeAhead = 10
  /// An event time so old that the key index, which lost history, could not recognise a retry.
  case timeBeforeHorizon = 11
  /// The limit of distinct tenants is reached.
  case tooManyTenants = 12
  /// The limit of distinct operations is reached.
  case tooManyOperations = 13
  /// The key of the batch may not write this tenant.
  case tenantNotAllowed = 14
  /// A name or a text key over 255 bytes; no frame can express it, so only other inputs meet it.
  case textTooLong = 15

  /// The name in files, tables, logs and metric labels.
  public var name: String {
    switch self {
    case .malformedRecord: "malformed_record"
    case .textNotUTF8: "text_not_utf8"
    case .textContainsNull: "text_contains_null"
    case .nameEmpty: "name_empty"
    case .keyEmpty: "key_empty"
    case .quantityOutOfRange: "quantity_out_of_range"
    case .quantityNegative: "quantity_negative"
    case .timeInvalid: "time_invalid"
    case .timeTooOld: "time_too_old"
    case .timeAhead: "time_ahead"
    case .timeBeforeHorizon: "time_before_horizon"
    case .tooManyTenants: "too_many_tenants"
    case .tooManyOperations: "too_many_operations"
    case .tenantNotAllowed: "tenant_not_allowed"
    case .textTooLong: "text_too_long"
    }
  }

  /// Whether the cause lay with the service, so that the record can be replayed from quarantine.
  public var isReplayable: Bool {
    switch self {
    case .timeBeforeHorizon, .tooManyTenants, .tooManyOperations, .tenantNotAllowed: true
    default: false
    }
  }
}

/// Why a whole batch was refused; nothing of it has a receipt.
public enum RefusalReason: UInt8, Sendable, CaseIterable, Hashable {
  /// The body does not follow the format; a retry of the same bytes cannot succeed.
  case malformedBody = 1
  /// A frame type that this version does not take.
  case unsupportedType = 2
  /// The key of the frame may not speak for its source.
  case sourceNotAllowed = 3
  /// The dedup index holds as many keys as it may.
  case keyIndexFull = 16
  /// The disk has less free space than the reserve.
  case diskReserve = 17
  /// The span that is not yet in Postgres is at its limit.
  case flushBacklog = 18
  /// The clock is held until an operator confirms it.
  case clockHeld = 19
  /// A queue between reception and log is full.
  case queueFull = 20
  /// The service is stopping.
  case draining = 21
  /// The limit of distinct sources is reached.
  case tooManySources = 22
  /// The source has more gaps in its numbering than the ledger may remember.
  case tooManyGaps = 23

  /// Whether the sender should send the same batch again later.
  public var isRetryable: Bool { rawValue >= Self.keyIndexFull.rawValue }

  /// The name in files, tables, logs and metric labels.
  public var name: String {
    switch self {
    case .malformedBody: "malformed_body"
    case .unsupportedType: "unsupported_type"
    case .sourceNotAllowed: "source_not_allowed"
    case .keyIndexFull: "key_index_full"
    case .diskReserve: "disk_reserve"
    case .flushBacklog: "flush_backlog"
    case .clockHeld: "clock_held"
    case .queueFull: "queue_full"
    case .draining: "draining"
    case .tooManySources: "too_many_sources"
    case .tooManyGaps: "too_many_gaps"
    }
  }
}
