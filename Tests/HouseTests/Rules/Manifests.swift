import Foundation

/// What stands in no `Package.swift`.
enum Manifests {
  // Put together here, so that a search for them finds nothing.
  private static let flags = [
    "unsafe" + "Flags": "a setting that SwiftPM knows",
    "-O" + "unchecked": "code that does not need the checks to be off",
    "exclusivity=" + "unchecked": "code that does not need the checks to be off",
  ]

  /// Flags that switch checks off, and dependencies that may change under us.
  static func faults(in file: SourceFile) -> [Fault] {
    var faults: [Fault] = []
    for (index, line) in file.lines.enumerated() {
      for (flag, instead) in flags where line.contains(flag) {
        faults.append(Fault(path: file.path, line: index + 1, message: "\(flag): use \(instead)"))
      }
    }
    let packages = file.text.components(separatedBy: ".package(url:").dropFirst()
    for package in packages {
      let rest = package.components(separatedBy: ".package(")[0]
      if rest.contains(".upToNextMinor(from:") || rest.contains("exact:") { continue }
      let name = package.split(separator: "\"").dropFirst().first ?? ""
      faults.append(
        Fault(path: file.path, message: "\(name) is not held: .upToNextMinor(from:)"))
    }
    return faults
  }
}
