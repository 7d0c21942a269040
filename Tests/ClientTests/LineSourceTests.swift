import SeededRandom
import Testing

@testable import Client

struct LineSourceTests {
  private struct Line: Equatable {
    var text: String?
    var number: Int
    var offset: Int64
  }

  private func lines(_ bytes: [UInt8], chunkBytes: Int) throws -> [Line] {
    let file = try TemporaryFile(bytes)
    var source = try file.lines(chunkBytes: chunkBytes)
    var lines: [Line] = []
    while true {
      switch try source.advance() {
      case .end: return lines
      case .tooLong: lines.append(Line(text: nil, number: source.number, offset: source.offset))
      case .line:
        let text = try String(copying: UTF8Span(validating: source.line))
        lines.append(Line(text: text, number: source.number, offset: source.offset))
      }
    }
  }

  @Test(arguments: [1, 2, 3, 7, 65_536])
  func endsOfLines(chunkBytes: Int) throws {
    let text = "a\r\n\nbc\n\r\nd\re\nlast"
    #expect(
      try lines(Array(text.utf8), chunkBytes: chunkBytes) == [
        Line(text: "a", number: 1, offset: 0), Line(text: "", number: 2, offset: 3),
        Line(text: "bc", number: 3, offset: 4), Line(text: "", number: 4, offset: 7),
        Line(text: "d\re", number: 5, offset: 9), Line(text: "last", number: 6, offset: 13),
      ])
  }

  @Test func emptyFileAndByteOrderMark() throws {
    #expect(try lines([], chunkBytes: 4) == [])
    #expect(try lines([0xEF, 0xBB, 0xBF], chunkBytes: 1) == [])
    #expect(
      try lines([0xEF, 0xBB, 0xBF, 0x61], chunkBytes: 1) == [Line(text: "a", number: 1, offset: 3)])
  }

  @Test(arguments: ["\n", "\r\n", ""], [100, 65_536, 300_000])
  func longestLineIsReadAndALongerOneSkipped(end: String, chunkBytes: Int) throws {
    let limit = LineSource.maximumLineBytes
    let longest = String(repeating: "x", count: limit)
    #expect(
      try lines(Array((longest + end).utf8), chunkBytes: chunkBytes)
        == [Line(text: longest, number: 1, offset: 0)])
    for excess in [1, 2, 100_000] {
      let long = String(repeating: "y", count: limit + excess)
      let found = try lines(
        Array("a\n\(long)\(end.isEmpty ? "" : end + "b")".utf8), chunkBytes: chunkBytes)
      let after = Int64(2 + limit + excess + end.utf8.count)
      var expected = [Line(text: "a", number: 1, offset: 0), Line(text: nil, number: 2, offset: 2)]
      if !end.isEmpty { expected.append(Line(text: "b", number: 3, offset: after)) }
      #expect(found == expected)
    }
  }

  @Test func aFileThatCannotBeRead() throws {
    #expect(
      throws: InputFailure.cannotOpen(path: "/no/such", reason: "No such file or directory")
    ) { _ = try LineSource(path: "/no/such").number }
    var directory = try LineSource(path: "/")
    var failure: InputFailure?
    do { _ = try directory.advance() } catch { failure = error }
    #expect(failure == .cannotRead(path: "/", offset: 0, reason: "Is a directory"))
  }

  @Test func randomTextsAreCutLikeTheStandardLibraryCutsThem() throws {
    var random = SplitMix64(seed: 1)
    for _ in 0..<300 {
      let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
        ([0x61, 0x62, 0x0A, 0x0D] as [UInt8]).randomElement(using: &random) ?? 0x61
      }
      var expected = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      if expected.last?.isEmpty == true { expected.removeLast() }
      let texts = expected.map { line in
        String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
      }
      let chunk = Int.random(in: 1...20, using: &random)
      #expect(try lines(bytes, chunkBytes: chunk).map(\.text) == texts)
    }
  }
}
