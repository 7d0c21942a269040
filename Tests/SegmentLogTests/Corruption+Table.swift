import SegmentLog

extension Corruption {
  static let all = tails + holes + misfits + lengths + headers

  /// Something behind the last block.
  static let tails: [Corruption] = [
    Corruption("nothing", always: .intact(blocks: 3)) { _, _ in },
    Corruption("preallocated zeros", always: .intact(blocks: 3)) { bytes, _ in
      bytes += [UInt8](repeating: 0, count: 4_096)
    },
    Corruption("one stray byte", always: .torn(.truncated, blocks: 3)) { bytes, _ in
      bytes += [1]
    },
    Corruption("garbage", always: .torn(.magic, blocks: 3)) { bytes, _ in
      bytes += [UInt8](repeating: 0xAA, count: 500)
    },
    Corruption("a stray byte far behind zeros", always: .torn(.magic, blocks: 3)) { bytes, _ in
      bytes += [UInt8](repeating: 0, count: 9_000) + [1]
    },
    Corruption("only the magic of a block", always: .torn(.version, blocks: 3)) { bytes, _ in
      bytes += [0x57, 0x42, 0x42, 0x4B] + [UInt8](repeating: 0, count: 200)
    },
    Corruption("the last block again", always: .damaged(.chain, blocks: 3)) { bytes, log in
      bytes += log.block(2)
    },
    Corruption("a block of another log", always: .damaged(.chain, blocks: 3)) { bytes, _ in
      var sealer = BlockSealer(
        continuing: ChainPoint(position: LogPosition(106), chain: 0xBAD))
      _ = sealer.seal(.usage, entries: 1, arrivals: 31...31, into: &bytes)
    },
    Corruption("a gap in the positions", always: .damaged(.position, blocks: 3)) { bytes, log in
      let chain = log.places[3].chain
      var sealer = BlockSealer(
        continuing: ChainPoint(position: LogPosition(107), chain: chain))
      _ = sealer.seal(.usage, entries: 1, arrivals: 31...31, into: &bytes)
    },
  ]

  /// Blocks that are gone or changed.
  static let holes: [Corruption] = [
    Corruption(
      "last block lost", unmarked: .intact(blocks: 2), marked: .damaged(.markPosition, blocks: 2)
    ) { bytes, log in bytes.removeSubrange(log.borders[2]...) },
    Corruption(
      "last block zeroed", unmarked: .intact(blocks: 2),
      marked: .damaged(.markPosition, blocks: 2)
    ) { bytes, log in
      for index in log.borders[2]..<bytes.count { bytes[index] = 0 }
    },
    Corruption(
      "middle block zeroed", unmarked: .torn(.magic, blocks: 1),
      marked: .damaged(.magic, blocks: 1)
    ) { bytes, log in
      for index in log.borders[1]..<log.borders[2] { bytes[index] = 0 }
    },
    Corruption(
      "payload of the last block zeroed", unmarked: .torn(.checksum, blocks: 2),
      marked: .damaged(.checksum, blocks: 2)
    ) { bytes, log in
      for index in (log.borders[2] + 72)..<bytes.count { bytes[index] = 0 }
    },
    Corruption(
      "rot in a key of the first block", unmarked: .torn(.checksum, blocks: 0),
      marked: .damaged(.checksum, blocks: 0)
    ) { bytes, log in bytes[log.borders[0] + 75] ^= 4 },
    Corruption("middle block cut out", always: .damaged(.chain, blocks: 1)) { bytes, log in
      bytes.removeSubrange(log.borders[1]..<log.borders[2])
    },
    Corruption("blocks exchanged", always: .damaged(.chain, blocks: 1)) { bytes, log in
      bytes = Array(bytes[..<log.borders[1]]) + log.block(2) + log.block(1)
    },
  ]

  /// Blocks with a right checksum that cannot be right.
  static let misfits: [Corruption] = [
    Corruption("unknown kind", always: .damaged(.kind, blocks: 2)) { bytes, log in
      bytes.set(UInt64(3), at: log.borders[2] + 64)
      bytes.resealBlock(at: log.borders[2])
    },
    Corruption("kind past a byte", always: .damaged(.kind, blocks: 2)) { bytes, log in
      bytes.set(UInt64(0x101), at: log.borders[2] + 64)
      bytes.resealBlock(at: log.borders[2])
    },
    Corruption("no entries", always: .damaged(.entryCount, blocks: 2)) { bytes, log in
      bytes.set(UInt32(0), at: log.borders[2] + 48)
      bytes.resealBlock(at: log.borders[2])
    },
    Corruption("too many entries", always: .damaged(.entryCount, blocks: 2)) { bytes, log in
      bytes.set(UInt32(BlockLimits.maximumEntryCount + 1), at: log.borders[2] + 48)
      bytes.resealBlock(at: log.borders[2])
    },
    Corruption("arrivals out of order", always: .damaged(.arrival, blocks: 2)) { bytes, log in
      bytes.set(Int64(31), at: log.borders[2] + 32)
      bytes.resealBlock(at: log.borders[2])
    },
    Corruption("position past 64 bits", always: .damaged(.position, blocks: 2)) { bytes, log in
      bytes.set(UInt64.max - 1, at: log.borders[2] + 24)
      bytes.resealBlock(at: log.borders[2])
    },
    Corruption("a newer version", always: .damaged(.version, blocks: 2)) { bytes, log in
      bytes[log.borders[2] + 4] = 3
    },
  ]

  /// Lengths that are refused before anything is read or allocated.
  static let lengths: [Corruption] = [
    badLength("raw section past its limit", at: 52, UInt32(BlockLimits.maximumRawLength + 1)),
    badLength("columns past their limit", at: 56, UInt32(BlockLimits.maximumColumnsLength + 1)),
    badLength("frame past its limit", at: 60, UInt32(BlockLimits.maximumCompressedLength + 1)),
    badLength("every bit of a length", at: 52, UInt32.max),
    badLength("columns without a frame", at: 56, 1),
    badLength("a frame without columns", at: 60, 16),
    badLength("raw section past the file", .truncated, at: 52, 17),
    badLength("raw section at its limit", .truncated, at: 52, UInt32(BlockLimits.maximumRawLength)),
  ]

  private static func badLength(
    _ name: String, _ fault: SegmentError.Fault = .length, at field: Int, _ value: UInt32
  ) -> Corruption {
    Corruption(
      name, unmarked: .torn(fault, blocks: 2), marked: .damaged(fault, blocks: 2)
    ) { bytes, log in
      bytes.set(value, at: log.borders[2] + field)
      bytes.resealBlock(at: log.borders[2])
    }
  }

  /// The segment's own header.
  static let headers: [Corruption] = [
    Corruption(
      "empty file", unmarked: .torn(.truncated, blocks: 0), marked: .damaged(.truncated, blocks: 0)
    ) { bytes, _ in bytes = [] },
    Corruption(
      "only zeros", unmarked: .torn(.magic, blocks: 0), marked: .damaged(.magic, blocks: 0)
    ) { bytes, _ in bytes = [UInt8](repeating: 0, count: 4_096) },
    Corruption(
      "half a header before zeros", unmarked: .torn(.checksum, blocks: 0),
      marked: .damaged(.checksum, blocks: 0)
    ) { bytes, _ in
      bytes = Array(bytes[..<40]) + [UInt8](repeating: 0, count: 400)
    },
    Corruption(
      "only the header", unmarked: .intact(blocks: 0), marked: .damaged(.markPosition, blocks: 0)
    ) { bytes, log in bytes.removeSubrange(log.borders[0]...) },
    Corruption("header zeroed before blocks", always: .damaged(.magic, blocks: 0)) { bytes, _ in
      for index in 0..<80 { bytes[index] = 0 }
    },
    Corruption("another segment's number", always: .damaged(.number, blocks: 0)) { bytes, _ in
      bytes.set(UInt64(8), at: 32)
      bytes.resealHeader()
    },
    Corruption("no partitions", always: .damaged(.partition, blocks: 0)) { bytes, _ in
      bytes.set(UInt32(0), at: 64)
      bytes.resealHeader()
    },
    Corruption("reserved bytes at the end", always: .damaged(.reserved, blocks: 0)) { bytes, _ in
      bytes[70] = 1
      bytes.resealHeader()
    },
    Corruption("a segment of a newer version", always: .damaged(.version, blocks: 0)) { bytes, _ in
      bytes[4] = 2
      bytes.resealHeader()
    },
    Corruption("a start that does not continue", always: .damaged(.chain, blocks: 0)) { bytes, _ in
      bytes.set(UInt64(1), at: 48)
      bytes.resealHeader()
    },
    Corruption("a start at another position", always: .damaged(.position, blocks: 0)) { bytes, _ in
      bytes.set(UInt64(99), at: 40)
      bytes.resealHeader()
    },
  ]
}
