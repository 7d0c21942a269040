public import SegmentLog
public import Wire

/// What the head of a segment says of the segment before it, so that a start need not read that.
///
/// Where that one ends and its number follow from the segment's own header.
public struct LoggedSegment: Sendable, Hashable {
  /// Sums of one kind in one hour.
  public struct Sum: Sendable, Hashable {
    /// The hour and kind.
    public var place: SegmentSummary.HourKind
    /// What the records come to.
    public var sums: SegmentSummary.HourSums
  }

  /// Where it began.
  public var start: Checkpoint
  /// When it was begun.
  public var created: Timestamp
  /// The arrival of its last entry.
  public var lastArrival: Timestamp
  /// The last hour that its records count in or are booked in, nil if it has no record.
  public var lastHour: Hour?
  /// Sums of what it holds, ascending by hour and kind.
  public var sums: [Sum]
  /// The places, in the snapshot's list, of the tenants that it has records of; ascending.
  public var tenants: [Int]
}

extension LoggedSegment {
  func encode(into writer: inout EntryWriter) {
    start.encode(into: &writer)
    writer.signed(created.milliseconds)
    writer.signed(lastArrival.milliseconds)
    writer.byte(lastHour == nil ? 0 : 1)
    if let lastHour { writer.signed(Int64(lastHour.index)) }
    writer.varint(UInt64(sums.count))
    for sum in sums {
      writer.signed(Int64(sum.place.hour.index))
      writer.byte(sum.place.kind.rawValue)
      writer.signed(sum.sums.count)
      writer.doubleWord(UInt128(bitPattern: sum.sums.quantity))
    }
    writer.varint(UInt64(tenants.count))
    var before = -1
    for place in tenants {
      writer.varint(UInt64(place - before))
      before = place
    }
  }

  /// - Parameter tenantCount: the length of the snapshot's list.
  init(from reader: inout EntryReader, tenantCount: Int) throws(JournalError) {
    start = try Checkpoint(from: &reader)
    created = try reader.timestamp()
    lastArrival = try reader.timestamp()
    lastHour = try reader.flag() ? try reader.hour("a segment's last hour") : nil
    sums = []
    for _ in 0..<(try reader.count("sums of a segment")) {
      let sum = try Sum(from: &reader)
      if let last = sums.last, last.place >= sum.place {
        throw reader.failure("sums of a segment are not ascending by hour and kind")
      }
      sums.append(sum)
    }
    tenants = []
    var before = -1
    for _ in 0..<(try reader.count("tenants of a segment")) {
      let distance = try reader.varint()
      guard distance >= 1, distance < UInt64(tenantCount - before) else {
        throw reader.failure(
          "a tenant of a segment stands \(distance) behind place \(before) of \(tenantCount)")
      }
      before += Int(distance)
      tenants.append(before)
    }
  }
}

extension LoggedSegment.Sum {
  fileprivate init(from reader: inout EntryReader) throws(JournalError) {
    let hour = try reader.hour("an hour of a segment")
    let code = try reader.byte()
    guard let kind = UsageKind(rawValue: code) else {
      throw reader.failure("a sum of unknown kind \(code)")
    }
    let count = try reader.signed()
    place = SegmentSummary.HourKind(hour: hour, kind: kind)
    sums = SegmentSummary.HourSums(
      count: count, quantity: Int128(bitPattern: try reader.doubleWord()))
  }
}
