internal import EventLoop
internal import Foundation
internal import Glibc
internal import Logging
internal import Metering
internal import SegmentLog

/// Compresses blocks, writes them into segments and syncs these, on a thread of its own.
///
/// Everything that was submitted while a sync was under way shares the next one (group commit). A
/// write or a sync that fails stops the process: what is in memory then no longer matters, because
/// the next start rebuilds it from the log.
public final class SegmentWriter: Sendable {
  /// What the threads share, under the condition's lock.
  private struct State {
    var queue: [LedgerAction] = []
    var queuedBytes = 0
    var isBusy = false
    var isStopped = false
    var synced: Checkpoint
    /// Sizes of the segments that grew since they were taken.
    var sizes: [UInt64: Int] = [:]
    var syncs: UInt64 = 0
  }

  /// How long a mark may wait for its own sync after the last one, in nanoseconds.
  private static let markInterval: Int64 = 100_000_000

  private let files: PartitionFiles
  private let segmentSize: Int
  private let onSync: @Sendable () -> Void
  private let condition = MonotonicCondition()
  nonisolated(unsafe) private var state: State
  private let finished = DispatchSemaphore(value: 0)

  /// A writer that continues a log.
  ///
  /// - Parameters:
  ///   - files: where the partition's files are.
  ///   - end: the end of the log, on stable storage.
  ///   - segment: the segment to continue, with its length; nil if the log is empty.
  ///   - segmentSize: bytes that are allocated for a new segment at once.
  ///   - onSync: called on the writer's thread after each sync.
  init(
    files: PartitionFiles, continuing end: Checkpoint, segment: (number: UInt64, length: Int)?,
    segmentSize: Int, onSync: @escaping @Sendable () -> Void
  ) throws(SystemCallError) {
    self.files = files
    self.segmentSize = segmentSize
    self.onSync = onSync
    unsafe state = State(synced: end)
    let mark = try OpenFile(files.mark, O_RDWR | O_CREAT)
    var file: OpenFile?
    if let segment { file = try OpenFile(files.segment(segment.number), O_RDWR) }
    let start = Position(
      file: file, number: segment?.number ?? 0, offset: segment?.length ?? 0, mark: mark)
    let thread = Thread { [self] in
      Thread.current.name = "segment-writer"
      run(start)
    }
    thread.start()
  }

  /// Where the writer's thread stands. Nobody else touches it.
  private struct Position {
    var file: OpenFile?
    /// Number of the segment.
    var number: UInt64
    var offset: Int
    /// Sizes of the segments that grew since the last sync.
    var sizes: [UInt64: Int] = [:]
    let mark: OpenFile
    var isMarkDirty = false
  }

  /// What makes the bytes of one block. It lives on the writer's thread.
  private struct Encoding {
    let encoder = BlockEncoder()
    var bytes: [UInt8] = []

    mutating func encode(_ block: LogBlock) {
      bytes.removeAll(keepingCapacity: true)
      block.encode(with: encoder, into: &bytes)
    }
  }

  /// Hands actions over; they are carried out in order, and synced.
  func submit(_ actions: [LedgerAction]) {
    var bytes = 0
    for case .append(let block) in actions { bytes += block.byteCount }
    condition.withLock {
      unsafe state.queue.append(contentsOf: actions)
      unsafe state.queuedBytes += bytes
      unsafe state.isBusy = true
      condition.signal()
    }
  }

  /// How far the log is on stable storage.
  var synced: Checkpoint { condition.withLock { unsafe state.synced } }
  /// How far the log is on stable storage, and the sizes of the segments that grew since this was
  /// asked before.
  func takeSynced() -> (end: Checkpoint, sizes: [UInt64: Int]) {
    condition.withLock {
      defer { unsafe state.sizes.removeAll(keepingCapacity: true) }
      return unsafe (state.synced, state.sizes)
    }
  }
  /// Whether anything is written or synced now, or waits for it.
  var isBusy: Bool { condition.withLock { unsafe state.isBusy } }
  /// Bytes that wait to be written, before compression.
  var queuedBytes: Int { condition.withLock { unsafe state.queuedBytes } }
  /// Syncs since the start.
  var syncs: UInt64 { condition.withLock { unsafe state.syncs } }

  /// Carries out what was submitted, and ends the thread.
  func stop() {
    condition.withLock {
      unsafe state.isStopped = true
      condition.signal()
    }
    finished.wait()
  }

  private func run(_ start: Position) {
    var position = start
    var encoding = Encoding()
    while let actions = next(&position) {
      do throws(SystemCallError) {
        let end = try carryOut(actions, &position, &encoding)
        try sync(position.file)
        try writeMark(end, &position)
        finish(end, &position)
      } catch {
        fatal("\(error); the service stops, the next start continues from what is synced")
      }
    }
    if position.isMarkDirty { try? position.mark.sync() }
    finished.signal()
  }

  /// Waits for actions; nil once the writer is stopped and nothing is left.
  private func next(_ position: inout Position) -> [LedgerAction]? {
    while true {
      let taken: [LedgerAction]? = condition.withLock {
        while unsafe state.queue.isEmpty, unsafe !state.isStopped {
          unsafe state.isBusy = false
          let limit = EventLoop.monotonicNanoseconds() + Self.markInterval
          if !position.isMarkDirty {
            condition.wait()
          } else if !condition.wait(until: limit) {
            return []
          }
        }
        guard unsafe !state.queue.isEmpty else { return nil }
        let actions = unsafe state.queue
        unsafe state.queue = []
        unsafe state.queuedBytes = 0
        return actions
      }
      guard let taken else { return nil }
      if !taken.isEmpty { return taken }
      do throws(SystemCallError) {
        try position.mark.sync()
        position.isMarkDirty = false
      } catch {
        fatal("\(error)")
      }
    }
  }

  private func carryOut(
    _ actions: [LedgerAction], _ position: inout Position, _ encoding: inout Encoding
  ) throws(SystemCallError) -> Checkpoint {
    var end = synced
    for action in actions {
      switch action {
      case .openSegment(let number, let header):
        try sync(position.file)
        try begin(number, header, &position)
      case .append(let block):
        guard let file = position.file else { fatalError("BUG: a block without a segment") }
        encoding.encode(block)
        try write(encoding.bytes, to: file, at: position.offset)
        position.offset += encoding.bytes.count
        position.sizes[position.number] = position.offset
        end = block.end
      }
    }
    return end
  }

  private func begin(
    _ number: UInt64, _ header: [UInt8], _ position: inout Position
  ) throws(SystemCallError) {
    if let last = position.file {
      // The rest that was allocated and never written is given back.
      try SystemCallError.check("truncate", last.path) {
        Int(ftruncate(last.descriptor, off_t(position.offset)))
      }
      try last.sync()
    }
    let path = files.segment(number)
    let file = try OpenFile(path, O_RDWR | O_CREAT | O_EXCL)
    let code = posix_fallocate(file.descriptor, 0, off_t(segmentSize))
    guard code == 0 || code == EOPNOTSUPP || code == EINVAL else {
      throw SystemCallError("allocate", path, code: code)
    }
    try write(header, to: file, at: 0)
    try file.sync()
    try FileContents.syncDirectory(FilePath.parent(of: path))
    position.file = file
    position.number = number
    position.offset = header.count
  }

  private func write(
    _ bytes: [UInt8], to file: OpenFile, at offset: Int
  ) throws(SystemCallError) {
    var done = 0
    while done < bytes.count {
      done += try SystemCallError.check("write", file.path) {
        unsafe bytes.withUnsafeBytes { buffer in
          let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
          return unsafe pwrite(
            file.descriptor, rest.baseAddress, rest.count, off_t(offset + done))
        }
      }
    }
  }

  private func sync(_ file: OpenFile?) throws(SystemCallError) {
    guard let file else { return }
    try SystemCallError.check("sync", file.path) { Int(fdatasync(file.descriptor)) }
  }

  private func writeMark(
    _ end: Checkpoint, _ position: inout Position
  ) throws(SystemCallError) {
    var bytes: [UInt8] = []
    DurabilityMark(end: end).encode(into: &bytes)
    try write(bytes, to: position.mark, at: 0)
    position.isMarkDirty = true
  }

  private func finish(_ end: Checkpoint, _ position: inout Position) {
    condition.withLock {
      unsafe state.synced = end
      unsafe state.sizes.merge(position.sizes) { _, last in last }
      unsafe state.syncs += 1
      if unsafe state.queue.isEmpty { unsafe state.isBusy = false }
    }
    position.sizes.removeAll(keepingCapacity: true)
    onSync()
  }

  private func fatal(_ message: String) -> Never {
    Logger(label: "weighbridge").critical("FATAL: \(message)")
    // The other threads go on until the end: no exit handler may take OpenSSL away from them.
    _exit(CommandExit.refused.rawValue)
  }
}
