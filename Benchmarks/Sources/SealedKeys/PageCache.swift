internal import Foundation

/// What the kernel keeps of run files in memory.
enum PageCache {
  /// Lets the kernel forget the pages with keys of every run file that this process has mapped from
  /// a folder. They are clean, so nothing is lost, and whoever reads one waits for the disk.
  static func evictKeys(in folder: String) throws {
    let maps = try text("/proc/self/maps")
    for line in maps.split(separator: "\n") where line.hasSuffix(".wbr") {
      // Addresses, permissions, offset, device, inode, path (proc(5)).
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let path = fields.last.map(String.init), path.hasPrefix(folder) else { continue }
      let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard ends.count == 2 else { continue }
      // A page that is mapped is not forgotten.
      unsafe madvise(UnsafeMutableRawPointer(bitPattern: ends[0]), Int(ends[1] - ends[0]), 4)
      let file = unsafe open(path, O_RDONLY)
      guard file >= 0 else { continue }
      fdatasync(file)
      posix_fadvise(file, 0, off_t(keyByteCount(ends[1] - ends[0])), 4)
      close(file)
    }
  }

  /// Bytes that the running thread had read from a disk so far; nil where nobody counts them.
  static var bytesRead: Int? {
    guard let text = try? text("/proc/thread-self/io") else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("read_bytes: ") }
    return line.flatMap { Int($0.dropFirst("read_bytes: ".count)) }
  }

  /// A file of the kernel, which has no length.
  private static func text(_ path: String) throws -> String {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    var data = Data()
    while let part = try file.read(upToCount: 1 << 16), !part.isEmpty { data += part }
    return String(decoding: data, as: UTF8.self)
  }

  /// About how much of a run's file are the header and the pages with keys, from its size: behind
  /// 255 keys of 16 bytes stand 4 bytes of fence and twelve bits of filter for each.
  private static func keyByteCount(_ size: UInt) -> UInt {
    size * 4_096 / (4_096 + 4 + 255 * 12 / 8) / 4_096 * 4_096
  }
}
