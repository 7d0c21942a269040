// swift-tools-version: 6.2
import PackageDescription

// Apart from the root package, so that a user of the service builds none of it.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
  name: "weighbridge-benchmarks",
  dependencies: [
    .package(name: "weighbridge", path: ".."),
    // Options and their help.
    .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
    // Latencies.
    .package(
      url: "https://github.com/HdrHistogram/hdrhistogram-swift", .upToNextMinor(from: "0.2.0")),
    // Micro-benchmarks. Without traits: its interposers need packages of their own.
    .package(
      url: "https://github.com/ordo-one/benchmark", .upToNextMinor(from: "1.38.1"), traits: []),
  ],
  targets: [
    // System calls that Glibc's module lacks.
    .target(name: "CDatagrams"),
    .executableTarget(
      name: "loadgen",
      dependencies: [
        "CDatagrams",
        .product(name: "Stages", package: "weighbridge"),
        .product(name: "Wire", package: "weighbridge"),
        .product(name: "EventLoop", package: "weighbridge"),
        .product(name: "Authentication", package: "weighbridge"),
        .product(name: "Database", package: "weighbridge"),
        .product(name: "Metering", package: "weighbridge"),
        .product(name: "Server", package: "weighbridge"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    // Its folder must lie in one that is called Benchmarks, says the plugin.
    .executableTarget(
      name: "StageBenchmarks",
      dependencies: [
        .product(name: "Stages", package: "weighbridge"),
        .product(name: "Benchmark", package: "benchmark"),
      ], path: "StageBenchmarks", swiftSettings: settings,
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ]
)
