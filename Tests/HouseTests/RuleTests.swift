import Testing

/// Each rule, broken once in a text made up for it.
@Suite struct RuleTests {
  private func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test(arguments: [
    ("Sources/Wire/A.swift", "import Foundation"),
    ("Sources/Wire/A.swift", "public import struct Foundation.Data"),
    ("Sources/Metering/A.swift", "import Postgres"),
    ("Sources/Dedup/A.swift", "internal import Wire"),
    ("Sources/SegmentLog/A.swift", "@preconcurrency import Glibc"),
    ("Sources/Server/A.swift", "internal import CLibUV"),
    ("Sources/EventLoop/A.swift", "public import CLibUV"),
    ("Sources/Postgres/A.swift", "@_exported import CLibPQ"),
    ("Tests/WireTests/A.swift", "import Crypto"),
    ("Benchmarks/Sources/Load/A.swift", "import CZstd"),
  ])
  func anArrowThatIsNotDrawn(path: String, text: String) {
    #expect(Imports.faults(in: file(path, "\n\(text)\n")).map(\.line) == [2])
  }

  @Test(arguments: [
    ("Sources/Metering/A.swift", "public import Wire"),
    ("Sources/Compression/A.swift", "internal import CZstd"),
    ("Sources/Wire/A.swift", "// import Foundation\nlet text = \"import Foundation\""),
    ("Tests/WireTests/A.swift", "import Foundation\n@testable import Wire"),
  ])
  func anArrowThatIsDrawn(path: String, text: String) {
    #expect(Imports.faults(in: file(path, text)) == [])
  }

  @Test(arguments: [
    "let now = Date()", "let clock = ContinuousClock()", "values.shuffled()",
    "Int.random(in: 0..<2)", "var hasher = Hasher()", "name.hashValue", "print(1)",
    "let lock = Mutex(0)", "func f() async {}", "actor A {}", "Task { }", "getenv(\"A\")",
    "\"\\(ContinuousClock().now)\"", "fopen(path, mode)",
  ])
  func whatTheHeartMustNotName(text: String) {
    let faults = Purity.faults(in: file("Sources/Wire/A.swift", text))
    #expect(faults.count == 1)
    #expect(faults.first?.message.contains("; instead: ") == true)
  }

  @Test(arguments: [
    "/// A `Date` is refused.", "let text = \"print(1)\"",
    "func hash(into hasher: inout Hasher) {}",
    "let random = 1", "writer.print(1)", "/* async /* await */ actor */ let a = 1",
    "let a = #\"\\(Date())\"#", "let a = \"\"\"\n  \"Task\" {\n  \"\"\"",
  ])
  func whatTheHeartMayName(text: String) {
    #expect(Purity.faults(in: file("Sources/Wire/A.swift", text)) == [])
  }

  @Test func theCodeWithoutTexts() {
    let code = SwiftCode(#"a("b\(c("d") + e)f", g) // h"#)
    #expect(code.words.map(\.text) == ["a", "c", "e", "g"])
  }

  @Test func filesThatAreTooLong() {
    let short = (0..<9).map { ("Short\($0).swift", 100) }
    #expect(Lengths.faults(ofLengths: short + [("Long.swift", 799)]) == [])
    #expect(Lengths.faults(ofLengths: short + [("Long.swift", 800)]).map(\.path) == ["Long.swift"])
    let two = [("A.swift", 400), ("B.swift", 401)]
    #expect(Lengths.faults(ofLengths: short + two).map(\.path) == ["B.swift"])
    #expect(Lengths.faults(ofLengths: [("A.swift", 151)]).count == 1)
  }

  @Test(arguments: ["func f(a: () -> Int = { 1 }) -> Int", "init?(a: Int)", "deinit"])
  func functionsThatAreTooLong(head: String) {
    func text(lines: Int) -> String {
      let body = (0..<lines - 2).map { "  if a { b(\"}\\(c)\") } // \($0)" }
      return (["struct A {", "func x() { self.init(a) }", "\(head) {"] + body + ["}", "}"])
        .joined(separator: "\n")
    }
    #expect(Lengths.functionFaults(in: file("A.swift", text(lines: 69))) == [])
    #expect(Lengths.functionFaults(in: file("A.swift", text(lines: 70))).map(\.line) == [3])
  }

  @Test func requirementsHaveNoLength() {
    let text = "protocol A {\n  func a() -> Int\n}\n" + String(repeating: "let a = 1\n", count: 99)
    #expect(
      Lengths.functionFaults(in: file("A.swift", text + "struct B { var c: Int { 1 } }")) == [])
  }

  @Test func linesThatAreTooLong() {
    let text = String(repeating: "é", count: 100) + "\n" + String(repeating: "a", count: 101)
    #expect(Lengths.lineFaults(in: file("A.swift", text)).map(\.line) == [2])
  }

  @Test(arguments: [
    "Sources/Wire/Utils.swift", "Sources/Wire/StringExtensions.swift",
    "Sources/Wire/Helpers/Frame.swift", "Sources/Wire/String+Helpers.swift",
  ])
  func namesThatSayNothing(path: String) {
    #expect(Names.faults(inPath: path).count == 1)
    #expect(Names.faults(inPath: "Sources/Wire/UtilisationReport.swift") == [])
  }

  @Test func theTop() {
    let names = [".ci", "Package.swift", "Sources", "Tests", "docs", "README.md"]
    #expect(Names.faults(atTop: names).map(\.path) == ["docs"])
  }

  @Test func foldersThatAreNotDrawn() {
    let faults = Names.faults(
      ofSources: ["Wire", "Shed"], tests: ["WireTests", "ShedTests", "DedupTests", "Fuzz"],
      manifest: #""Wire" "WireTests" "Shed" "ShedTests""#)
    #expect(faults.map(\.path) == ["Sources/Shed", "Tests/ShedTests", "Tests/DedupTests"])
  }

  @Test(arguments: [
    "// TO" + "DO: later", "let a = 1 // FIX" + "ME", "# X" + "XX", "HA" + "CK",
    "path: /ho" + "me/anna/file", "\"/Us" + "ers/anna\"", "see /wo" + "rk/main/A",
  ])
  func notesAndPathsOfOneMachine(text: String) {
    #expect(Words.faults(in: file("A.yaml", text)).count == 1)
  }

  @Test(arguments: ["template-XX" + "XXXX", "GET https://example.org/work" + "/1", "HA" + "CKNEY"])
  func whatOnlyLooksLikeANote(text: String) {
    #expect(Words.faults(in: file("A.yaml", text)) == [])
  }

  @Test func trapsWithoutAFault() {
    let text = """
      fatalError("cannot be")
      preconditionFailure()
      fatalError("FATAL: no sync")
      preconditionFailure(
        "BUG: \\(a)")
      """
    #expect(Words.trapFaults(in: file("A.swift", text)).map(\.line) == [1, 2])
  }

  @Test func manifestsWithoutChecks() {
    let text = """
      .unsafe\("Flags")(["-O\("unchecked")"])
      .package(url: "https://example.org/a", .upToNextMinor(from: "1.0.0"))
      .package(url: "https://example.org/b", from: "1.0.0")
      .package(url: "https://example.org/c", branch: "main")
      """
    let faults = Manifests.faults(in: file("Package.swift", text))
    #expect(faults.count == 4)
    #expect(faults.filter { $0.message.contains("upToNextMinor") }.count == 2)
  }

  @Test func scriptsThatGoOn() {
    func faults(_ text: String, isExecutable: Bool = true) -> Int {
      Scripts.faults(in: file("Config/a.sh", text), isExecutable: isExecutable).count
    }
    let sound = "#!/bin/bash\nset -euo pipefail\n"
    #expect(faults(sound) == 0)
    #expect(faults(sound, isExecutable: false) == 1)
    #expect(faults("#!/bin/bash\nset -e\n") == 1)
    #expect(faults("#!/bin/sh\nset -euo pipefail\n") == 1)
    #expect(faults(sound + "if true; then\n") == 1)
  }

  @Test(arguments: [
    "run `Config/run-none.sh`", "see [a](Sources/None.md)", "`weighbridge fly`",
    "```\n$ .build/release/weighbridge fly --far\n```", "```\nweighbridge period unlock\n```",
    "`weighbridge serve --fast`",
  ])
  func aReadmeThatPromisesTooMuch(text: String) {
    #expect(Readme.faults(in: file("README.md", text), world: world).isEmpty == false)
  }

  @Test(arguments: [
    "run `Config/run-tests.sh`", "see [a](README.md#b) and [c](https://example.org)",
    "```\n$ weighbridge serve --data-directory here  # starts\n```",
    "`weighbridge serve --ingest-udp=127.0.0.1:4040`",
    "`weighbridge period finalize 2026-01`", "weighbridge flies in prose",
  ])
  func aReadmeThatIsTrue(text: String) {
    #expect(Readme.faults(in: file("README.md", text), world: world) == [])
  }

  private let world = Readme.World(
    exists: { $0 == "README.md" }, isExecutable: { $0 == "Config/run-tests.sh" },
    commands: """
      struct Serve: ParsableCommand { }
      commandName: "period" struct Finalize: ParsableCommand
      """,
    options: Set(Readme.World.optionWords("@Option var dataDirectory: String; \"ingest.udp\"")))
}
