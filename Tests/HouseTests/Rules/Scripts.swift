import Foundation

/// Shell scripts stop at the first failure.
enum Scripts {
  /// Whether a file is a shell script.
  static func isScript(_ file: SourceFile) -> Bool {
    file.kind == "sh" || file.text.hasPrefix("#!/bin/bash") || file.text.hasPrefix("#!/bin/sh")
  }

  /// What is missing in a script.
  static func faults(in file: SourceFile, isExecutable: Bool) -> [Fault] {
    var faults: [Fault] = []
    if !file.text.hasPrefix("#!/bin/bash\n") {
      faults.append(Fault(path: file.path, line: 1, message: "begins with #!/bin/bash"))
    }
    if !file.lines.contains("set -euo pipefail") {
      faults.append(Fault(path: file.path, message: "has no line: set -euo pipefail"))
    }
    if !isExecutable { faults.append(Fault(path: file.path, message: "is not executable")) }
    if let complaint = syntaxComplaint(file.text) {
      faults.append(Fault(path: file.path, message: complaint))
    }
    return faults
  }

  /// What the shell says of a script without running it; nil if nothing.
  private static func syntaxComplaint(_ text: String) -> String? {
    let process = Process()
    let input = Pipe()
    let complaints = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-n"]
    process.standardInput = input
    process.standardError = complaints
    do {
      try process.run()
      try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
      try input.fileHandleForWriting.close()
    } catch {
      return "bash -n: \(error)"
    }
    let said = complaints.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? nil : String(decoding: said, as: UTF8.self)
  }
}
