public import SegmentLog
public import Wire

/// A flush that was begun: its token is in the log before Postgres hears of it.
public struct FlushAttempt: Sendable, Hashable {
  /// The random token.
  public var token: UInt128
  /// The checkpoint before.
  public var from: Checkpoint
  /// The checkpoint after.
  public var to: Checkpoint

  /// A flush that was begun.
  public init(token: UInt128, from: Checkpoint, to: Checkpoint) {
    self.token = token
    self.from = from
    self.to = to
  }
}

/// A decision of the ledger other than a verdict. Each stands alone in a control block.
public enum ControlEntry: Sendable, Hashable {
  /// The ledger's small state, at the head of each segment.
  case snapshot(LedgerSnapshot)
  /// The configuration in force from here on.
  case configuration(ConfigurationRecord)
  /// Every hour up to and including this one is closed.
  case hoursClosed(through: Hour, time: Timestamp)
  /// A tenant's period is finalized; its position is that of the entry.
  case periodFinalized(PeriodFinalization)
  /// Gaps shall not keep periods open; its position is that of the entry.
  case gapsAccepted(GapAcceptance)
  /// A record was taken out or in by hand.
  case corrected(Correction)
  /// A flush was begun.
  case flushAttempt(FlushAttempt)
  /// The flush with this token was committed.
  case flushCommitted(token: UInt128, checkpoint: Checkpoint)
  /// An operator confirmed the wall clock.
  case clockConfirmed(operatorName: String, before: Timestamp, after: Timestamp)
}

/// The part of the configuration that decides verdicts and sums.
public struct ConfigurationRecord: Sendable, Hashable {
  /// The canonical text of the whole configuration.
  public var text: String
  /// The acceptance window back, in milliseconds.
  public var acceptanceBack: Int64
  /// The acceptance window ahead, in milliseconds.
  public var acceptanceAhead: Int64
  /// The dedup window, in milliseconds.
  public var dedupWindow: Int64
  /// The calendars of tenants.
  public var calendars: CalendarTable

  /// The part of the configuration that decides verdicts and sums.
  public init(
    text: String, acceptanceBack: Int64, acceptanceAhead: Int64, dedupWindow: Int64,
    calendars: CalendarTable = .empty
  ) {
    self.text = text
    self.acceptanceBack = acceptanceBack
    self.acceptanceAhead = acceptanceAhead
    self.dedupWindow = dedupWindow
    self.calendars = calendars
  }
}

extension ControlEntry {
  private enum Code: UInt8 {
    /// Of an older version: it does not know the segment before, and periods are calendar months.
    case oldSnapshot = 1
    /// Of an older version: it has no calendars.
    case oldConfiguration = 2
    case hoursClosed = 3
    /// Of an older version: the period is a calendar month in UTC.
    case monthFinalized = 4
    case flushAttempt = 5
    case flushCommitted = 6
    case clockConfirmed = 7
    case snapshot = 8
    case configuration = 9
    case periodFinalized = 10
    case gapsAccepted = 11
    case corrected = 12
  }

  /// Whether an entry with this first byte is a snapshot.
  static func isSnapshot(_ code: UInt8?) -> Bool {
    code == Code.snapshot.rawValue || code == Code.oldSnapshot.rawValue
  }

  /// The bytes of the entry in a control block.
  public func encoded() -> [UInt8] {
    var writer = EntryWriter()
    switch self {
    case .snapshot(let snapshot):
      writer.byte(Code.snapshot.rawValue)
      snapshot.encode(into: &writer)
    case .configuration(let record):
      writer.byte(Code.configuration.rawValue)
      record.encode(into: &writer)
    case .hoursClosed(let through, let time):
      writer.byte(Code.hoursClosed.rawValue)
      writer.signed(Int64(through.index))
      writer.signed(time.milliseconds)
    case .periodFinalized(let finalization):
      writer.byte(Code.periodFinalized.rawValue)
      finalization.encode(into: &writer)
    case .gapsAccepted(let acceptance):
      writer.byte(Code.gapsAccepted.rawValue)
      acceptance.encode(into: &writer)
    case .corrected(let correction):
      writer.byte(Code.corrected.rawValue)
      correction.encode(into: &writer)
    case .flushAttempt(let attempt):
      writer.byte(Code.flushAttempt.rawValue)
      attempt.encode(into: &writer)
    case .flushCommitted(let token, let checkpoint):
      writer.byte(Code.flushCommitted.rawValue)
      writer.doubleWord(token)
      checkpoint.encode(into: &writer)
    case .clockConfirmed(let operatorName, let before, let after):
      writer.byte(Code.clockConfirmed.rawValue)
      writer.text(operatorName)
      writer.signed(before.milliseconds)
      writer.signed(after.milliseconds)
    }
    return writer.bytes
  }

  /// The entry of a control block.
  ///
  /// - Parameters:
  ///   - bytes: the columns of the block.
  ///   - position: the position of the block, for the error.
  public init(decoding bytes: [UInt8], at position: LogPosition) throws(JournalError) {
    var reader = EntryReader(bytes, at: position)
    let code = try reader.byte()
    switch Code(rawValue: code) {
    case .snapshot: self = .snapshot(try LedgerSnapshot(from: &reader))
    case .oldSnapshot: self = .snapshot(try LedgerSnapshot(fromOlder: &reader))
    case .configuration:
      self = .configuration(try ConfigurationRecord(from: &reader, hasCalendars: true))
    case .oldConfiguration:
      self = .configuration(try ConfigurationRecord(from: &reader, hasCalendars: false))
    case .hoursClosed:
      let through = try reader.hour("the closed hour")
      self = .hoursClosed(through: through, time: try reader.timestamp())
    case .periodFinalized:
      self = .periodFinalized(try PeriodFinalization(from: &reader, at: position))
    case .monthFinalized:
      self = .periodFinalized(try PeriodFinalization(fromMonth: &reader, at: position))
    case .gapsAccepted: self = .gapsAccepted(try GapAcceptance(from: &reader, at: position))
    case .corrected: self = .corrected(try Correction(from: &reader))
    case .flushAttempt: self = .flushAttempt(try FlushAttempt(from: &reader))
    case .flushCommitted:
      let token = try reader.doubleWord()
      self = .flushCommitted(token: token, checkpoint: try Checkpoint(from: &reader))
    case .clockConfirmed:
      let operatorName = try reader.text("the operator")
      let before = try reader.timestamp()
      self = .clockConfirmed(
        operatorName: operatorName, before: before, after: try reader.timestamp())
    case nil: throw reader.failure("control entry of unknown type \(code)")
    }
    try reader.finish()
  }
}

extension EntryReader {
  /// A time from 1970 to 9999.
  mutating func timestamp() throws(JournalError) -> Timestamp {
    let value = try signed()
    guard (0...Timestamp.latest.milliseconds).contains(value) else {
      throw failure("a time of \(value); it must lie between 1970 and 9999")
    }
    return Timestamp(milliseconds: value)
  }

  /// A length of time in milliseconds, which may be added to any time.
  mutating func duration(_ what: String) throws(JournalError) -> Int64 {
    let value = try signed()
    guard (0...Timestamp.latest.milliseconds).contains(value) else {
      throw failure("\(what) of \(value) milliseconds")
    }
    return value
  }

  /// An hour from 1970 to 9999.
  mutating func hour(_ what: String) throws(JournalError) -> Hour {
    let hour = Hour(index: try signed32(what))
    guard hour >= Hour(index: 0), hour <= Hour(containing: .latest) else {
      throw failure("\(what) is \(hour.index); it must lie between 1970 and 9999")
    }
    return hour
  }

  /// A period from 1970-01 to 9999-12.
  mutating func period(_ what: String) throws(JournalError) -> BillingPeriod {
    let period = BillingPeriod(month: try signed32(what))
    guard period.isValid else {
      throw failure("\(what) is \(period.month); it must lie between 1970 and 9999")
    }
    return period
  }
}

extension Checkpoint {
  func encode(into writer: inout EntryWriter) {
    writer.varint(position.rawValue)
    writer.word(chain)
  }

  init(from reader: inout EntryReader) throws(JournalError) {
    let position = LogPosition(try reader.varint())
    self.init(position: position, chain: try reader.word())
  }
}

extension FlushAttempt {
  func encode(into writer: inout EntryWriter) {
    writer.doubleWord(token)
    from.encode(into: &writer)
    to.encode(into: &writer)
  }

  init(from reader: inout EntryReader) throws(JournalError) {
    let token = try reader.doubleWord()
    let from = try Checkpoint(from: &reader)
    self.init(token: token, from: from, to: try Checkpoint(from: &reader))
  }
}

extension ConfigurationRecord {
  func encode(into writer: inout EntryWriter) {
    writer.text(text)
    writer.signed(acceptanceBack)
    writer.signed(acceptanceAhead)
    writer.signed(dedupWindow)
    calendars.encode(into: &writer)
  }

  /// - Parameter hasCalendars: false for an older version, which ends before them.
  init(from reader: inout EntryReader, hasCalendars: Bool) throws(JournalError) {
    let text = try reader.text("the configuration")
    let back = try reader.duration("a window back")
    let ahead = try reader.duration("a window ahead")
    let window = try reader.duration("a dedup window")
    self.init(
      text: text, acceptanceBack: back, acceptanceAhead: ahead, dedupWindow: window,
      calendars: hasCalendars ? try CalendarTable(from: &reader) : .empty)
  }
}
