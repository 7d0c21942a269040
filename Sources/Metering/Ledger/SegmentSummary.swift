public import SegmentLog
public import Wire

/// What a segment holds, as far as retention and the manifest ask.
public struct SegmentSummary: Sendable {
  /// Sums of one kind in one hour.
  public struct HourSums: Sendable, Hashable {
    /// Number of records.
    public var count: Int64
    /// Sum of quantities.
    public var quantity: Int128

    /// Sums of nothing, or the given ones.
    public init(count: Int64 = 0, quantity: Int128 = 0) {
      self.count = count
      self.quantity = quantity
    }
  }

  /// An hour and a kind.
  public struct HourKind: Sendable, Hashable, Comparable {
    /// The hour.
    public var hour: Hour
    /// The kind.
    public var kind: UsageKind

    /// An hour and a kind.
    public init(hour: Hour, kind: UsageKind) {
      self.hour = hour
      self.kind = kind
    }

    /// Whether the left one comes first, by hour and kind.
    public static func < (left: HourKind, right: HourKind) -> Bool {
      left.hour == right.hour ? left.kind.rawValue < right.kind.rawValue : left.hour < right.hour
    }
  }

  /// The segment's number.
  public var number: UInt64
  /// Where the segment begins.
  public var start: Checkpoint
  /// Where its last block ends.
  public var end: Checkpoint
  /// Its size in bytes, as far as it is synced.
  public var byteCount: Int
  /// When it was begun.
  public var created: Timestamp
  /// The arrival of its last entry.
  public var lastArrival: Timestamp
  /// Sums per hour and kind of what it holds.
  public var hours: [HourKind: HourSums] { sums.hours }
  /// The last hour that its records count in or are booked in, nil while it holds no record.
  public var lastHour: Hour? { sums.lastHour }
  /// What its records come to.
  var sums = HourlySums()
  /// One bit for each tenant id that it holds records of.
  private var tenants: [UInt64] = []

  init(number: UInt64, start: Checkpoint, created: Timestamp, byteCount: Int) {
    self.number = number
    self.start = start
    end = start
    self.byteCount = byteCount
    self.created = created
    lastArrival = created
  }

  /// Takes in the tenants of one block, by their numbers in the ledger.
  mutating func add(tenants numbers: [UInt32]) {
    for number in numbers {
      let word = Int(number >> 6)
      if word >= tenants.count {
        tenants.append(contentsOf: repeatElement(0, count: word + 1 - tenants.count))
      }
      tenants[word] |= 1 << UInt64(number & 63)
    }
  }

  /// Takes over what the segment behind it says of it.
  ///
  /// - Parameters:
  ///   - segment: what it says.
  ///   - end: where it begins.
  ///   - ids: the ledger's numbers of the tenants.
  mutating func take(_ segment: LoggedSegment, end: Checkpoint, tenants ids: [UInt32]) {
    self.end = end
    lastArrival = segment.lastArrival
    sums = HourlySums(segment)
    tenants = []
    add(tenants: ids)
  }

  /// What the segment behind it says of it.
  ///
  /// - Parameter ids: the ledger's numbers of the tenants in the snapshot's list.
  func logged(tenants ids: [UInt32]) -> LoggedSegment {
    LoggedSegment(
      start: start, created: created, lastArrival: lastArrival, lastHour: lastHour,
      sums: hours.sorted { $0.key < $1.key }.map { LoggedSegment.Sum(place: $0, sums: $1) },
      tenants: ids.indices.filter { holds(tenant: ids[$0]) })
  }

  private func holds(tenant id: UInt32) -> Bool {
    let word = Int(id >> 6)
    return word < tenants.count && tenants[word] >> UInt64(id & 63) & 1 == 1
  }

  /// Whether every tenant id that the segment holds satisfies a condition.
  func allTenants(satisfy condition: (UInt32) -> Bool) -> Bool {
    for (index, word) in tenants.enumerated() {
      var rest = word
      while rest != 0 {
        guard condition(UInt32(index << 6 + rest.trailingZeroBitCount)) else { return false }
        rest &= rest - 1
      }
    }
    return true
  }
}
