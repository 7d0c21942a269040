internal import Foundation
internal import Metering
internal import SegmentLog
internal import Wire

/// Looks for the records of one key and hour in the log of a partition.
struct RecordSearch: Sendable {
  let tenant: String
  let keys: [RecordKey]
  let hour: Hour
  /// The segments that may hold them.
  let segments: [UInt64]
  let files: PartitionFiles

  /// The records that count, or did, in the order of the log. Blocks: it reads segments.
  ///
  /// - Returns: at least one.
  /// - Throws: ``CommandFailure`` if there is none; `SegmentError`, `JournalError` or
  ///   ``SystemCallError`` if the log cannot be read.
  func find() throws -> [FoundRecord] {
    var found: [FoundRecord] = []
    let reader = RecordReader(tenant: tenant)
    let block = LoggedBlock()
    for number in segments {
      let file = try MappedFile(files.segment(number))
      // Its own decoder: segments before it may be left out.
      var decoder = LogDecoder()
      var segment = try decoder.begin(file.bytes, number: number)
      while let next = try segment.next() {
        try decoder.decode(next, into: block)
        reader.read(block, where: { hour, _ in hour == self.hour }) { record in
          if let record = record.found, keys.contains(record.booked.record.key) {
            found.append(record)
          }
        }
      }
    }
    guard !found.isEmpty else { throw notFound }
    return found
  }

  /// Whether there is no such record, or the log that would have it is beyond retention.
  private var notFound: CommandFailure {
    let key = keys.first?.text ?? ""
    let named = "no record with key \(key) of tenant \(tenant) in hour \(hour.text)"
    let deleted = Manifest(files).read().count { entry in
      entry.hours.contains { $0.hour == hour.text }
    }
    guard deleted == 0 else {
      return CommandFailure(
        "\(named) is in the log; \(deleted) segment\(deleted == 1 ? "" : "s") with usage of that "
          + "hour \(deleted == 1 ? "is" : "are") beyond retention, so that it cannot be corrected "
          + "if it was there", exit: .beyondRetention)
    }
    return CommandFailure(
      "\(named) was ever accepted; weighbridge export records lists keys and times")
  }
}
