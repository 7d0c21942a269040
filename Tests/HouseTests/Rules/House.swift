/// The house as it is drawn: which module may know which. `Package.swift` must not add an arrow.
enum House {
  /// What a module may import.
  static let arrows: [String: Set<String>] = [
    // Ground: C as it is.
    "CLibUV": [], "CZstd": [], "CZlib": [], "CLibPQ": [], "CIntrinsics": [],
    // Owners: one module for each library.
    "EventLoop": ["CLibUV", "Glibc"],
    "Compression": ["CZstd", "CZlib"],
    "Postgres": ["CLibPQ", "Glibc", "Synchronization"],
    "Authentication": ["Crypto", "Foundation"],
    // Heart: pure.
    "Bytes": [],
    "Wire": [],
    "Dedup": ["Bytes", "CIntrinsics"],
    "SegmentLog": ["Bytes", "Compression"],
    "Metering": ["Wire", "Dedup", "SegmentLog", "Compression", "CIntrinsics"],
    // Shell: sockets, files, threads, database.
    "Database": ["Wire", "SegmentLog", "Metering", "Postgres"],
    "Client": ["Wire", "EventLoop", "Authentication", "Glibc"],
    "Server": [
      "Wire", "Dedup", "SegmentLog", "Metering", "EventLoop", "Postgres", "Authentication",
      "Database", "Compression", "CIntrinsics", "Logging", "Configuration", "Yams", "Glibc",
      "Foundation", "Synchronization",
    ],
    // Door.
    "weighbridge": [
      "Server", "Client", "Metering", "SegmentLog", "Wire", "Database", "ArgumentParser", "Glibc",
      "Foundation",
    ],
  ]

  /// The pure modules: events go in, actions come out.
  static let heart: Set<String> = ["Bytes", "Wire", "Dedup", "SegmentLog", "Metering"]

  /// Who alone may import a library. Its types stay out of every public signature.
  static let owners = [
    "CLibUV": "EventLoop", "CZstd": "Compression", "CZlib": "Compression",
    "CLibPQ": "Postgres",
    "Crypto": "Authentication",
  ]

  /// Folders of `Tests` that are not the tests of one module.
  static let wholeTests: Set<String> = [
    "HouseTests", "ServiceTests", "StagesTests", "SeededRandom", "MemoryRuns", "Fuzz",
  ]

  /// What may lie at the top beside dotfiles. SwiftPM writes `Package.resolved`, which is ignored.
  static let topNames: Set<String> = [
    "Package.swift", "Sources", "Tests", "Benchmarks", "Config", "README.md", "Package.resolved",
  ]
}
