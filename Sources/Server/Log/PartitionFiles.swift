internal import Glibc
internal import SegmentLog

/// The files of one partition: its segments, mark and torn tails.
public struct PartitionFiles: Sendable {
  /// The partition's directory.
  public let path: String

  /// The files below a partition's directory.
  public init(_ path: String) { self.path = path }

  /// The path of a segment.
  public func segment(_ number: UInt64) -> String { "\(path)/\(SegmentNames.segment(number))" }

  /// The directory of the key index's runs.
  var keys: String { "\(path)/\(SegmentNames.keys)" }

  /// The path of the durability mark.
  var mark: String { "\(path)/\(SegmentNames.mark)" }

  /// The path of the manifest of deleted segments.
  public var manifest: String { "\(path)/\(SegmentNames.manifest)" }

  /// Makes the directories that are missing, and syncs the ones that hold them.
  func prepare() throws(SystemCallError) {
    for folder in [
      FilePath.parent(of: path), path, "\(path)/\(SegmentNames.segments)",
      "\(path)/\(SegmentNames.torn)", keys,
    ] {
      if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
        throw SystemCallError("create", folder, code: errno)
      }
      try FileContents.syncDirectory(FilePath.parent(of: folder))
    }
  }

  /// The numbers of all segments, ascending.
  public func segmentNumbers() throws(SystemCallError) -> [UInt64] {
    try FolderContents.names("\(path)/\(SegmentNames.segments)")
      .compactMap(SegmentNames.segmentNumber).sorted()
  }

  /// The durability mark; nil if none was ever written.
  ///
  /// - Throws: `SegmentError` if the mark is damaged: rot in the log could then not be told from a
  ///   torn write.
  func readMark() throws -> DurabilityMark? {
    guard let status = try? FileStatus(of: mark), status.size > 0 else { return nil }
    let bytes = try FileContents.read(mark, limit: 4_096)
    return try DurabilityMark(parsing: unsafe bytes.span.bytes)
  }

  /// Keeps a copy of a torn tail and cuts it off its segment.
  func cutTail(ofSegment number: UInt64, at offset: Int, length: Int) throws(SystemCallError) {
    let file = try OpenFile(segment(number), O_RDWR)
    var tail = [UInt8](repeating: 0, count: max(0, length - offset))
    var read = 0
    while read < tail.count {
      let count = try SystemCallError.check("read", file.path) {
        unsafe tail.withUnsafeMutableBytes { buffer in
          let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[read...])
          return unsafe pread(
            file.descriptor, rest.baseAddress, rest.count, off_t(offset + read))
        }
      }
      if count == 0 { break }
      read += count
    }
    try FileContents.replace(
      "\(path)/\(SegmentNames.tornTail(segment: number, offset: offset))",
      with: Array(tail.prefix(read)), mode: 0o600)
    try SystemCallError.check("truncate", file.path) {
      Int(ftruncate(file.descriptor, off_t(offset)))
    }
    try file.sync()
  }

  /// Removes a segment that nothing needs any more.
  func removeSegment(_ number: UInt64) throws(SystemCallError) {
    let file = segment(number)
    try SystemCallError.check("remove", file) { Int(unsafe unlink(file)) }
    try FileContents.syncDirectory("\(path)/\(SegmentNames.segments)")
  }
}
