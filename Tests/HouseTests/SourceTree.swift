import Foundation

/// The repository as it lies on the disk, found from this file's own path.
enum SourceTree {
  /// The top of the repository.
  static let top = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// What lies at the top.
  static let topNames: [String] = names(in: "")

  /// Every text file that belongs to the repository, in the order of their paths.
  static let files: [SourceFile] = paths(under: "").sorted().compactMap { path in
    guard let data = try? Data(contentsOf: top.appending(path: path)),
      let text = String(validating: data, as: UTF8.self)
    else { return nil }
    return SourceFile(path: path, text: text)
  }

  /// The Swift sources below these folders.
  static func swift(_ folders: String...) -> [SourceFile] {
    files.filter { file in
      file.kind == "swift" && folders.contains { file.path.hasPrefix("\($0)/") }
    }
  }

  /// The names in a folder; empty if it is not there.
  static func names(in folder: String) -> [String] {
    let path = top.appending(path: folder).path(percentEncoded: false)
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  /// Whether something lies at a path from the top.
  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: absolute(path))
  }

  /// Whether a program may be started by its path from the top.
  static func isExecutable(_ path: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: absolute(path))
  }

  /// A path that does not depend on the working directory.
  static func absolute(_ path: String) -> String {
    top.appending(path: path).path(percentEncoded: false)
  }

  /// The paths below a folder, without what builds and version control put there.
  private static func paths(under folder: String) -> [String] {
    names(in: folder).flatMap { name -> [String] in
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      let isBuilt = name.hasPrefix(".build") || name == "Package.resolved"
      if isBuilt || name == ".git" || name == ".swiftpm" || name.hasPrefix(".venv") { return [] }
      let values = try? top.appending(path: path).resourceValues(forKeys: [.isDirectoryKey])
      return values?.isDirectory == true ? paths(under: path) : [path]
    }
  }
}
