// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  // Data races are compile errors.
  .swiftLanguageMode(.v6),
  // A warning that may stay is a warning that nobody reads.
  .treatAllWarnings(as: .error),
  // Every use of unsafe memory is marked where it stands.
  .strictMemorySafety(),
  // The cost of an existential is visible.
  .enableUpcomingFeature("ExistentialAny"),
  // A C module or a dependency reaches a public signature only on purpose.
  .enableUpcomingFeature("InternalImportsByDefault"),
  // A member comes from a module that the file imports.
  .enableUpcomingFeature("MemberImportVisibility"),
  // Spans that are lent out, such as a datagram for the length of a callback.
  .enableExperimentalFeature("Lifetimes"),
]

func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let package = Package(
  name: "weighbridge",
  products: [
    .executable(name: "weighbridge", targets: ["weighbridge"]),
    .library(name: "WeighbridgeClient", targets: ["Client"]),
    // What the nested packages under Benchmarks and Tests/Fuzz build on.
    .library(name: "Wire", targets: ["Wire"]),
    .library(name: "Dedup", targets: ["Dedup"]),
    .library(name: "Bytes", targets: ["Bytes"]),
    .library(name: "SegmentLog", targets: ["SegmentLog"]),
    .library(name: "Metering", targets: ["Metering"]),
    .library(name: "Compression", targets: ["Compression"]),
    .library(name: "EventLoop", targets: ["EventLoop"]),
    .library(name: "Authentication", targets: ["Authentication"]),
    .library(name: "Database", targets: ["Database", "Postgres"]),
    .library(name: "Server", targets: ["Server"]),
    .library(name: "Stages", targets: ["Stages", "CanonicalLoad"]),
    .executable(name: "stagecheck", targets: ["stagecheck"]),
    .executable(name: "keycheck", targets: ["keycheck"]),
  ],
  dependencies: [
    // Commands, options and their help.
    .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
    // HMAC-SHA-256 and Ed25519; behind `Authentication` only.
    .package(url: "https://github.com/apple/swift-crypto", .upToNextMinor(from: "4.5.2")),
    // Structured logs.
    .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
    // Settings from file, environment and arguments with one precedence.
    .package(
      url: "https://github.com/apple/swift-configuration", .upToNextMinor(from: "1.4.0"),
      traits: []),
    // The configuration file, with the line of each fault.
    .package(url: "https://github.com/jpsim/Yams", .upToNextMinor(from: "6.2.2")),
  ],
  targets: [
    // Ground: C libraries as they are.
    .systemLibrary(name: "CLibUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    // Exports as .gz, which every consumer can read without asking for a tool.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .target(name: "CIntrinsics"),

    // Owners: one module for each C library.
    module("EventLoop", ["CLibUV"]),
    module("Compression", ["CZstd", "CZlib"]),
    module("Postgres", ["CLibPQ"]),
    module("Authentication", [.product(name: "Crypto", package: "swift-crypto")]),

    // Heart: pure. Bytes is what file formats share.
    module("Bytes"),
    module("Wire"),
    module("Dedup", ["Bytes", "CIntrinsics"]),
    module("SegmentLog", ["Bytes", "Compression"]),
    module("Metering", ["Wire", "Dedup", "SegmentLog", "Compression", "CIntrinsics"]),

    // Shell: sockets, files, threads, database.
    module(
      "Database", ["Wire", "SegmentLog", "Metering", "Postgres"],
      resources: [.embedInCode("Migrations")]),
    module("Client", ["Wire", "EventLoop", "Authentication"]),
    module(
      "Server",
      [
        "Wire", "Dedup", "SegmentLog", "Metering", "EventLoop", "Postgres", "Authentication",
        "Database", "Compression", "CIntrinsics",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Yams", package: "Yams"),
      ]),

    // Door.
    .executableTarget(
      name: "weighbridge",
      dependencies: [
        "Server", "Client", "Metering", "SegmentLog", "Wire", "Database",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),

    // The bodies of the benchmarks. They are here, and not in the nested package, so that the tests
    // build and run them.
    .target(
      name: "CanonicalLoad", dependencies: ["Wire", "Authentication"],
      path: "Benchmarks/Sources/CanonicalLoad", swiftSettings: settings),
    .target(
      name: "Stages",
      dependencies: [
        "CanonicalLoad", "Wire", "Authentication", "Compression", "Dedup", "SegmentLog", "Metering",
        "Database", "Postgres", "Server", "MemoryRuns", "SealedKeys",
      ], path: "Benchmarks/Sources/Stages", swiftSettings: settings),
    .target(
      name: "SealedKeys", dependencies: ["Dedup", "Server"],
      path: "Benchmarks/Sources/SealedKeys", swiftSettings: settings),
    .target(name: "CAllocations", path: "Benchmarks/Sources/CAllocations"),
    .executableTarget(
      name: "stagecheck",
      dependencies: [
        "Stages", "SealedKeys", "CanonicalLoad", "CAllocations",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Sources/stagecheck", swiftSettings: settings),
    .executableTarget(
      name: "keycheck",
      dependencies: [
        "SealedKeys", "CanonicalLoad",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Sources/keycheck", swiftSettings: settings),

    // Proof. The seeded generator is what tests of several modules draw from.
    .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: settings),
    // Runs without a disk, for tests and stages.
    .target(
      name: "MemoryRuns", dependencies: ["Dedup"], path: "Tests/MemoryRuns", swiftSettings: settings
    ),
    tests("BytesTests", ["Bytes"]),
    tests("WireTests", ["Wire", "SeededRandom"]),
    tests("DedupTests", ["Dedup", "Bytes", "CIntrinsics", "MemoryRuns", "SeededRandom"]),
    tests("CompressionTests", ["Compression", "SeededRandom"]),
    tests(
      "SegmentLogTests", ["SegmentLog", "Bytes", "Compression", "SeededRandom"], exclude: ["Golden"]
    ),
    tests(
      "MeteringTests", ["Metering", "Wire", "Dedup", "SegmentLog", "MemoryRuns", "SeededRandom"]),
    tests("EventLoopTests", ["EventLoop", "SeededRandom"]),
    tests("AuthenticationTests", ["Authentication"]),
    tests("PostgresTests", ["Postgres", "SeededRandom"]),
    tests(
      "DatabaseTests", ["Database", "Metering", "SegmentLog", "Postgres", "Wire", "SeededRandom"]),
    tests("ClientTests", ["Client", "Wire", "EventLoop", "Authentication", "SeededRandom"]),
    tests(
      "ServerTests",
      [
        "weighbridge", "Server", "Wire", "Metering", "Dedup", "SegmentLog", "EventLoop",
        "Authentication", "MemoryRuns", "SeededRandom",
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests(
      "ServiceTests",
      [
        "weighbridge", "Server", "Client", "Database", "Postgres", "Metering", "EventLoop",
        "Authentication", "Wire", "SegmentLog", "MemoryRuns",
        .product(name: "Logging", package: "swift-log"),
      ], exclude: ["ClockLever.c"]),
    // The micro-benchmarks still run.
    tests("StagesTests", ["Stages", "SealedKeys"]),
    // The rules of the house, read from the sources.
    tests("HouseTests", []),
  ]
)
