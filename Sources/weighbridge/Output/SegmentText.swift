import Metering
import SegmentLog
import Server
import Wire

/// Segments for people and machines.
enum SegmentText {
  /// A table of segments.
  ///
  /// - Parameter namesPartitions: whether each line says of which partition its segment is.
  static func list(_ reports: [SegmentReport], namesPartitions: Bool) -> String {
    let partition: [Table.Column] = namesPartitions ? [.number("partition")] : []
    var table = Table(
      partition + [
        .number("segment"), .number("from position"), .number("to position"), .number("blocks"),
        .number("bytes"), .text("first arrival"), .text("last arrival"), .text("state"),
      ])
    for report in reports {
      table.add(
        (namesPartitions ? ["\(report.partition)"] : []) + [
          "\(report.number)", report.header.map { position($0.start) } ?? "-",
          report.end.map(position) ?? "-", NumberText.grouped(report.blocks.count),
          NumberText.grouped(report.contentBytes), report.firstArrival?.text ?? "-",
          report.lastArrival?.text ?? "-", state(report.ending),
        ])
    }
    let bytes = reports.reduce(0) { $0 + $1.contentBytes }
    return table.text + "\(NumberText.count(reports.count, "segment")), "
      + "\(NumberText.bytes(bytes))\n"
  }

  /// The header of a segment and a table of its blocks.
  static func blocks(_ report: SegmentReport) -> String {
    var facts = Facts()
    facts.add("segment", "\(report.number)")
    if let header = report.header {
      facts.add("created", NumberText.time(header.createdAt))
      facts.add("partition", "\(header.partition) of \(header.partitionCount)")
      facts.add("from", "position \(position(header.start)), chain \(hex(header.start.chain))")
    }
    if let end = report.end {
      facts.add("to", "position \(position(end)), chain \(hex(end.chain))")
    }
    facts.add(
      "bytes",
      "\(NumberText.grouped(report.contentBytes)) in a file of "
        + NumberText.grouped(report.fileBytes))
    facts.add("state", state(report.ending))
    var table = Table([
      .number("offset"), .text("kind"), .number("from position"), .number("entries"),
      .text("first arrival"), .text("last arrival"), .number("raw bytes"),
      .number("column bytes"), .number("compressed"), .text("checksum"),
    ])
    for block in report.blocks {
      let header = block.header
      table.add([
        NumberText.grouped(block.offset), "\(header.kind)", position(header.start),
        NumberText.grouped(header.entryCount), NumberText.time(header.firstArrival),
        NumberText.time(header.lastArrival), NumberText.grouped(header.rawLength),
        NumberText.grouped(header.columnsLength), NumberText.grouped(header.compressedLength),
        hex(header.checksum),
      ])
    }
    return facts.text + table.text
  }

  /// What checks of the partitions found; the answer is the last line.
  static func text(_ checks: [LogCheck]) -> String {
    var text = ""
    for check in checks {
      let name = checks.count > 1 ? "partition \(check.partition): " : ""
      text +=
        name + "\(NumberText.count(check.segments, "segment")), "
        + "\(NumberText.count(check.blocks, "block")), "
        + "\(NumberText.count(check.entries, "entry", "entries")), \(NumberText.bytes(check.bytes))"
      text += check.end.map { ", up to position \(position($0))\n" } ?? "\n"
      for damage in check.damages { text += "damaged: \(name)\(damage)\n" }
      if let torn = check.tornTail {
        text += "torn tail, or a write under way: \(name)\(torn)\n"
      }
    }
    return text + (checks.allSatisfy(\.damages.isEmpty) ? "whole\n" : "damaged\n")
  }

  private static func position(_ place: ChainPoint) -> String {
    NumberText.grouped(place.position.rawValue)
  }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func state(_ ending: SegmentReport.Ending) -> String {
    switch ending {
    case .whole: "whole"
    case .torn(let error): "torn tail, or a write under way: \(error)"
    case .damaged(let error): "damaged: \(error)"
    }
  }
}

extension SegmentText {
  private struct Segment: Encodable {
    var partition: UInt16
    var number: UInt64
    var fromPosition: UInt64?
    var toPosition: UInt64?
    var fromChain: String?
    var toChain: String?
    var created: String?
    var entries: Int
    var bytes: Int
    var fileBytes: Int
    var firstArrival: String?
    var lastArrival: String?
    var state: String
    var blockCount: Int
    var blocks: [Block]?

    init(_ report: SegmentReport, hasBlocks: Bool) {
      partition = report.partition
      number = report.number
      fromPosition = report.header?.start.position.rawValue
      toPosition = report.end?.position.rawValue
      fromChain = report.header.map { hex($0.start.chain) }
      toChain = report.end.map { hex($0.chain) }
      created = report.header.map { NumberText.time($0.createdAt) }
      entries = report.entries
      bytes = report.contentBytes
      fileBytes = report.fileBytes
      firstArrival = report.firstArrival?.text
      lastArrival = report.lastArrival?.text
      state = SegmentText.state(report.ending)
      blockCount = report.blocks.count
      blocks = hasBlocks ? report.blocks.map(Block.init) : nil
    }
  }

  private struct Block: Encodable {
    var offset: Int
    var kind: String
    var fromPosition: UInt64
    var entries: Int
    var firstArrival: String
    var lastArrival: String
    var rawBytes: Int
    var columnBytes: Int
    var compressedBytes: Int
    var checksum: String

    init(_ block: SegmentReport.Block) {
      offset = block.offset
      kind = "\(block.header.kind)"
      fromPosition = block.header.start.position.rawValue
      entries = block.header.entryCount
      firstArrival = NumberText.time(block.header.firstArrival)
      lastArrival = NumberText.time(block.header.lastArrival)
      rawBytes = block.header.rawLength
      columnBytes = block.header.columnsLength
      compressedBytes = block.header.compressedLength
      checksum = hex(block.header.checksum)
    }
  }

  private struct Checked: Encodable {
    struct Partition: Encodable {
      var partition: UInt16
      var isWhole: Bool
      var segments: Int
      var blocks: Int
      var entries: Int
      var bytes: Int
      var position: UInt64?
      var damages: [String]
      var tornTail: String?

      init(_ check: LogCheck) {
        partition = check.partition
        isWhole = check.damages.isEmpty
        segments = check.segments
        blocks = check.blocks
        entries = check.entries
        bytes = check.bytes
        position = check.end?.position.rawValue
        damages = check.damages
        tornTail = check.tornTail
      }
    }

    var isWhole: Bool
    var segments: Int
    var blocks: Int
    var entries: Int
    var bytes: Int
    var partitions: [Partition]
  }

  /// The segments as JSON.
  static func json(_ reports: [SegmentReport]) throws -> String {
    try JSONOutput.text(reports.map { Segment($0, hasBlocks: false) })
  }

  /// A segment with its blocks as JSON.
  static func json(_ report: SegmentReport) throws -> String {
    try JSONOutput.text(Segment(report, hasBlocks: true))
  }

  /// Checks of the partitions as JSON.
  static func json(_ checks: [LogCheck]) throws -> String {
    try JSONOutput.text(
      Checked(
        isWhole: checks.allSatisfy(\.damages.isEmpty),
        segments: checks.reduce(0) { $0 + $1.segments },
        blocks: checks.reduce(0) { $0 + $1.blocks }, entries: checks.reduce(0) { $0 + $1.entries },
        bytes: checks.reduce(0) { $0 + $1.bytes }, partitions: checks.map(Checked.Partition.init)))
  }
}
