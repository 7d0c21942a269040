// swift-tools-version: 6.2
import PackageDescription

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
  name: "weighbridge-fuzz",
  dependencies: [.package(name: "weighbridge", path: "../..")],
  targets: [
    .executableTarget(
      name: "FuzzWire",
      dependencies: [.product(name: "Wire", package: "weighbridge")],
      swiftSettings: settings),
    .executableTarget(
      name: "FuzzSegment",
      dependencies: [
        .product(name: "Bytes", package: "weighbridge"),
        .product(name: "SegmentLog", package: "weighbridge"),
        .product(name: "Compression", package: "weighbridge"),
      ],
      swiftSettings: settings),
  ]
)
