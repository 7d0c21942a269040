import Testing

/// The repository keeps the rules of the house. What each rule refuses is in ``RuleTests``.
@Suite struct HouseTests {
  private let swiftFiles = SourceTree.swift("Sources", "Tests", "Benchmarks")

  @Test func theTreeIsFound() {
    #expect(SourceTree.exists("Package.swift"))
    #expect(swiftFiles.count > 100)
    #expect(SourceTree.swift("Sources").contains { $0.target == "Wire" })
  }

  @Test func topHoldsOnlyWhatIsDrawn() {
    expectNone(Names.faults(atTop: SourceTree.topNames))
  }

  @Test func everyFolderIsInTheDrawing() throws {
    let manifest = try #require(SourceTree.files.first { $0.path == "Package.swift" })
    expectNone(
      Names.faults(
        ofSources: SourceTree.names(in: "Sources"), tests: SourceTree.names(in: "Tests"),
        manifest: manifest.text))
  }

  @Test func theDrawingHasNoCircle() {
    // Each round takes away what knows only what is gone; a circle would stay.
    var left = House.arrows
    while let free = left.first(where: { $0.value.isDisjoint(with: left.keys) }) {
      left[free.key] = nil
    }
    #expect(left.isEmpty)
  }

  @Test func importsFollowTheArrows() {
    expectNone(swiftFiles.flatMap(Imports.faults))
  }

  @Test func theHeartIsPure() {
    let heart = SourceTree.swift("Sources").filter { House.heart.contains($0.target ?? "") }
    expectNone(heart.flatMap(Purity.faults))
  }

  @Test func filesAreShort() {
    expectNone(Lengths.faults(ofLengths: swiftFiles.map { ($0.path, $0.lines.count) }))
  }

  @Test func functionsAreShort() {
    expectNone(swiftFiles.flatMap(Lengths.functionFaults))
  }

  @Test func linesAreShort() {
    let kinds: Set<Substring> = ["swift", "c", "h", "sql", "sh"]
    expectNone(SourceTree.files.filter { kinds.contains($0.kind) }.flatMap(Lengths.lineFaults))
  }

  @Test func namesSaySomething() {
    expectNone(SourceTree.files.flatMap { Names.faults(inPath: $0.path) })
  }

  @Test func noNotesAndNoPathsOfOneMachine() {
    expectNone(SourceTree.files.flatMap(Words.faults))
  }

  @Test func trapsSayWhoseFaultItIs() {
    expectNone(SourceTree.swift("Sources").flatMap(Words.trapFaults))
  }

  @Test func manifestsKeepTheChecks() {
    let manifests = SourceTree.files.filter { $0.name == "Package.swift" }
    #expect(manifests.count >= 2)
    expectNone(manifests.flatMap(Manifests.faults))
  }

  @Test func scriptsStopAtTheFirstFailure() {
    let scripts = SourceTree.files.filter(Scripts.isScript)
    #expect(scripts.contains { $0.path == "Config/run-tests.sh" })
    expectNone(
      scripts.flatMap { Scripts.faults(in: $0, isExecutable: SourceTree.isExecutable($0.path)) })
  }

  @Test func theReadmeNamesOnlyWhatIsThere() throws {
    let readme = try #require(SourceTree.files.first { $0.path == "README.md" })
    let door = SourceTree.swift("Sources").filter { $0.target == "weighbridge" }
    let settings = SourceTree.swift("Sources").filter { $0.path.contains("/Configuration/") }
    expectNone(
      Readme.faults(
        in: readme,
        world: Readme.World(
          exists: SourceTree.exists, isExecutable: SourceTree.isExecutable,
          commands: door.map(\.text).joined(separator: "\n"),
          options: Set((door + settings).flatMap { Readme.World.optionWords($0.text) }))))
  }
}
