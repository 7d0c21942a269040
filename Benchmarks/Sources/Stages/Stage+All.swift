internal import CanonicalLoad

extension Stage {
  /// Records that are judged together, as the service does it.
  static let group = 4_096

  /// Every stage, in the order of a record's way.
  public static let all: [Stage] = [
    Stage("frames made, part of the engine below", per: "record") {
      try MakeStage(.raw, $0)
    },
    Stage("decode, 16 B keys", per: "record", allocations: none) { try DecodeStage(.raw, $0) },
    Stage("decode, 50 B text keys", per: "record", allocations: none) {
      try DecodeStage(.text50, $0)
    },
    Stage("tag of 1,400 B", per: "frame") { TagStage($0) },
    Stage("hash, 16 B keys", per: "key", allocations: none) { HashStage(.raw, $0) },
    Stage("hash, 50 B text keys", per: "key", allocations: none) { HashStage(.text50, $0) },
    dedup(millions: 1), dedup(millions: 10), dedup(millions: 100),
    Stage("bloom filter: absent keys, 10 M sealed", per: "key", allocations: none) {
      FilterStage($0)
    },
    Stage("dedup at 2 M keys/s, 50 M keys come and go", per: "key") {
      StopStage(keys: $0 == .full ? 50_000_000 : 60_000)
    },
    Stage("sealed keys: fresh ones, judged with and without", per: "key", isWhole: true) { plan in
      try FreshKeysStage(plan)
    },
    Stage("sealed keys: old duplicates, in the page cache", per: "key") { plan in
      try OldDuplicatesStage(plan)
    },
    Stage("sealed keys: old duplicates, cold", per: "key", waits: true, isWhole: true) { plan in
      try ColdDuplicatesStage(plan)
    },
    Stage("sealed keys: others judged during a seal", per: "key", waits: true) { plan in
      try SealStage(plan)
    },
    Stage("fold", per: "record", allocations: none) { FoldStage($0) },
    Stage("block encode", per: "record", allocations: none) { BlockEncodeStage($0) },
    Stage("block decode", per: "record", allocations: none) { try BlockDecodeStage($0) },
    // One for each batch of 31 or 16 records: what its receipt keeps.
    Stage("engine from memory, 16 B keys", per: "record", allocations: 36) {
      try EngineStage(.raw, hmac: false, $0)
    },
    Stage("engine from memory, 50 B text keys", per: "record", allocations: 68) {
      try EngineStage(.text50, hmac: false, $0)
    },
    Stage("engine from memory, 16 B keys, tags", per: "record") {
      try EngineStage(.raw, hmac: true, $0)
    },
    Stage("recovery of 20 M records", per: "record", waits: true, isWhole: true) {
      try RecoveryStage($0)
    },
    Stage("flush of 100,000 rows", per: "row", waits: true, isWhole: true) {
      try FlushStage($0)
    },
  ]

  /// No record allocates. Now and then something still grows, or a table is full.
  private static let none = 0.1

  private static func dedup(millions: Int) -> Stage {
    Stage("dedup, \(millions) M keys in memory", per: "key", allocations: none) {
      DedupStage(keys: $0 == .full ? millions * 1_000_000 : 10_000)
    }
  }
}
