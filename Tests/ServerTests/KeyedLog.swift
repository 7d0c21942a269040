import Dedup
import Foundation
import Logging
import Metering
import SegmentLog
import Synchronization
import Testing
import Wire

@testable import Server

/// A partition on disk with a batch for each day, whose older keys stand in runs of three days.
final class KeyedLog {
  static let start: Int64 = 1_769_896_800_000  // 2026-01-31T22:00:00Z
  static let day: Int64 = 86_400_000
  /// Records of a batch.
  static let recordCount = 20

  let files: PartitionFiles
  let identity: LedgerIdentity
  var configuration = LedgerConfiguration(weights: .empty, canonicalText: "test")
  var ledger: Ledger
  /// The checkpoint in Postgres.
  var checkpoint = Checkpoint.beginning
  var now: Int64
  /// What was logged by the last start, as `level: message metadata`.
  private(set) var lines: [String] = []
  private(set) var report = LogRecovery.Report()
  /// The number of the last batch, which is in its keys.
  private(set) var batches: UInt64 = 0

  private let scratch: ScratchDirectory
  /// The number of the segment that is written.
  private var current: UInt64 = 0
  private let encoder = BlockEncoder()
  private let upkeep = UpkeepQueue(onDone: {})

  init(days: Int, from start: Int64 = KeyedLog.start) throws {
    scratch = try ScratchDirectory()
    files = PartitionFiles("\(scratch.path)/00000")
    try files.prepare()
    identity = LedgerLog.identity()
    configuration.segmentSize = 3_000
    now = start
    ledger = Ledger(identity: identity, configuration: configuration, store: RunFiles(files))
    try ledger.start(wall: Timestamp(milliseconds: now), monotonic: now)
    try write()
    for _ in 0..<days { try passDay() }
  }

  /// A day with a batch, a flush, and what the index has to do.
  func passDay() throws {
    now += Self.day
    ledger.tick(wall: Timestamp(milliseconds: now), monotonic: now)
    batches += 1
    let counts = try judge(batch: batches, at: now)
    #expect(counts.accepted == Self.recordCount)
    try write()
    if ledger.beginFlush(token: UInt128(batches)) {
      try write()
      let batch = ledger.takeFlush()
      checkpoint = try #require(batch).to
      ledger.flushCommitted()
      try write()
    }
    finishUpkeep(&ledger)
  }

  /// Does what the index has to do.
  private func finishUpkeep(_ ledger: inout Ledger) {
    upkeep.wait()
    for piece in upkeep.takeDone() { ledger.finish(piece) }
    while let piece = ledger.takeUpkeep() {
      piece.perform()
      ledger.finish(piece)
    }
  }

  /// Judges the records of a batch, in a batch of its own.
  func judge(batch: UInt64, at time: Int64) throws -> VerdictCounts {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "agent", epoch: UInt64(time)), keyID: .none,
      maximumLength: 60_000)
    for number in 0..<Self.recordCount {
      let record = UsageRecord(
        tenant: "tenant-\(batch % 3)", kind: .compute, operation: "op",
        time: Timestamp(milliseconds: time), quantity: 1,
        key: .raw(UInt128(batch) << 64 | UInt128(number)))
      #expect(encoder.append(record) == .appended)
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: batch, highestSequence: batch, to: &bytes) { _ in 0 }
    var columns = UsageColumns()
    let span = bytes.span
    let frame = unsafe span.bytes
    try columns.append(frame: frame, header: FrameHeader(parsing: frame, limits: .standard))
    try ledger.judge(columns, wall: Timestamp(milliseconds: now), monotonic: now)
    return ledger.outcomes[0].receipt.counts
  }

  /// How many of the records of all batches are recognised now.
  func recognised() throws -> Int {
    now += 1
    return try (1...batches).reduce(0) { try $0 + Int(judge(batch: $1, at: now).duplicate) }
  }

  /// Starts from the files, as the service does.
  ///
  /// - Parameter owner: whose runs are looked for, if not its own.
  func restart(knowingCheckpoint: Bool = true, owner: RunOwner? = nil) throws {
    let written = LogLines()
    defer { lines = written.all }
    let keys = RecoveredKeys(
      files, owner: owner ?? RunOwner(identity), window: configuration.dedup.window,
      upkeep: upkeep,
      logger: Logger(label: "test") { _ in written })
    ledger = try keys.recover { choice in
      report = LogRecovery.Report()
      var ledger = try LogRecovery.recover(
        files,
        Ledger(
          identity: identity, configuration: configuration, store: choice.store,
          runs: choice.runs, nextRun: choice.nextRun),
        checkpoint: knowingCheckpoint ? checkpoint : nil, upkeep: upkeep, report: &report
      ) { _, _ in }
      // Runs are written again before those that are not used leave.
      finishUpkeep(&ledger)
      return ledger
    }
    current = ledger.segments.last?.number ?? 0
  }

  /// A ledger that replayed all of the log, without any run.
  func wholeReplay() throws -> Ledger {
    var report = LogRecovery.Report()
    let folder = PartitionFiles("\(scratch.path)/other")
    try folder.prepare()
    let upkeep = UpkeepQueue(onDone: {})
    let ledger = try LogRecovery.recover(
      files, Ledger(identity: identity, configuration: configuration, store: RunFiles(folder)),
      checkpoint: checkpoint, upkeep: upkeep, report: &report
    ) { _, _ in }
    upkeep.wait()
    #expect(report.replayed == report.segments)
    return ledger
  }

  /// Removes the oldest segments whose keys stand in runs, all but the last ones.
  @discardableResult
  func removeSegmentsBehindRuns() throws -> [SegmentSummary] {
    let removed = ledger.segments.dropLast().filter { $0.end.position <= ledger.keysThrough }
    for segment in removed { try files.removeSegment(segment.number) }
    ledger.segmentsRemoved(removed.count)
    return removed
  }

  /// The runs' headers, the oldest one first.
  func runs() throws -> [RunHeader] {
    try RunFiles(files).open().runs.map(\.header)
      .sorted { $0.span.through.position < $1.span.through.position }
  }

  /// The names in the folder of the runs.
  func names() throws -> [String] { try FolderContents.names(files.keys).sorted() }

  func path(ofRun number: UInt64) -> String { "\(files.keys)/\(SegmentNames.run(number))" }

  private func write() throws {
    ledger.sealBlock()
    for action in ledger.takeActions() {
      switch action {
      case .openSegment(let number, let header):
        current = number
        try Data(header).write(to: URL(fileURLWithPath: files.segment(number)))
      case .append(let block):
        var bytes: [UInt8] = []
        block.encode(with: encoder, into: &bytes)
        let file = try #require(FileHandle(forWritingAtPath: files.segment(current)))
        let end = try file.seekToEnd()
        try file.write(contentsOf: bytes)
        try file.close()
        ledger.synced(through: block.end, segmentSizes: [current: Int(end) + bytes.count])
      }
    }
  }
}

extension KeyedLog {
  /// Gives a segment a head that knows nothing of the segment before, as those of an older version,
  /// which breaks the chain behind it.
  ///
  /// - Returns: how many bytes the file had and has.
  func withBareHead(ofSegment number: UInt64) throws -> (before: Int, after: Int) {
    let path = URL(fileURLWithPath: files.segment(number))
    let bytes = try [UInt8](Data(contentsOf: path))
    let span = bytes.span
    var reader = try unsafe SegmentReader(span.bytes, segment: number)
    let header = reader.header
    let block = LoggedBlock()
    var decoder = LogDecoder()
    var blocks = try unsafe decoder.begin(span.bytes, number: number)
    guard let first = try blocks.next(), try reader.next() != nil else { return (0, 0) }
    try decoder.decode(first, into: block)
    var snapshot = try #require(block.snapshot)
    snapshot.previous = nil
    let entry = ControlEntry.snapshot(snapshot).encoded()
    var changed: [UInt8] = []
    header.encode(into: &changed)
    var sealer = BlockSealer(continuing: header.start)
    let columns = entry.span
    let head = sealer.seal(
      kind: .control, entryCount: 1, firstArrival: first.header.firstArrival,
      lastArrival: first.header.lastArrival, raw: RawSpan(), columns: unsafe columns.bytes)
    BlockEncoder().append(head, raw: RawSpan(), columns: unsafe columns.bytes, to: &changed)
    changed += bytes[reader.offset...]
    try Data(changed).write(to: path)
    return (bytes.count, changed.count)
  }
}

/// Keeps log lines.
final class LogLines: LogHandler {
  private let written = Mutex<[String]>([])
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .info }
    set {}
  }

  var all: [String] { written.withLock { $0 } }

  subscript(metadataKey _: String) -> Logger.MetadataValue? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    let fields = (event.metadata ?? [:]).map { " \($0)=\($1)" }.sorted().joined()
    written.withLock { $0.append("\(event.level): \(event.message)\(fields)") }
  }
}
