import Bytes
import Foundation
import MemoryRuns
import SeededRandom
import Testing

@testable import Dedup

/// The format, against its article.
@Suite("Run format")
struct RunFormatTests {
  private func sample(keys: Int) throws -> (store: MemoryRunStore, run: SealedRun) {
    let store = MemoryRunStore()
    let run = try writeRun(7, in: store, maximumKeys: keys) { writer in
      for number in 0..<keys { try writer.append(key(number, of: keys)) }
    }
    return (store, run)
  }

  /// Evenly spread keys, each with its own payload.
  private func key(_ number: Int, of count: Int) -> SealedKey {
    let bits = UInt128(number) << 112 / UInt128(count)
    return SealedKey(KeyIdentity(bits: bits), payload: UInt16(truncatingIfNeeded: number))
  }

  @Test("the header of the article is the header of the same run")
  func headerVector() throws {
    let expected = try #require(try ArticleVectors.bytes("run-header"))
    let (store, run) = try sample(keys: 3)
    let content = store.content(7)
    #expect(content.prefix(152) == expected[...])
    #expect(content[152..<4096].allSatisfy { $0 == 0 })
    #expect(content.count == 4 * 4096 && run.header.fileByteCount == content.count)
    let parsed = try #require(try store.open().first).header
    #expect(parsed == run.header)
    #expect(parsed.owner == .sample && parsed.span == .sample && parsed.keyCount == 3)
  }

  @Test("a header whose span contradicts itself, or which nothing could follow, is refused")
  func spans() throws {
    let changes: [(inout RunSpan) -> Void] = [
      { $0.through.position = 9 },
      { $0.end = 19 },
      { $0.start = 23 },
      { $0.after = 32 },
      { $0.lastArrival = 30 },
      { $0.lastArrival = .max / 2 },
      { ($0.after, $0.firstArrival) = (.min, .min / 2) },
      { $0.end = 20 + (1 << 32) },
    ]
    let (_, run) = try sample(keys: 3)
    for (number, change) in changes.enumerated() {
      var header = run.header
      change(&header.span)
      let page = header.encoded()
      let span = page.span
      let bytes = unsafe span.bytes
      do {
        _ = try RunHeader(parsing: bytes, number: 7)
        Issue.record("change \(number) is taken")
      } catch {
        #expect(error.fault == .span)
      }
    }
  }

  @Test("a page of the article is the page of the same keys")
  func pageVector() throws {
    let expected = try #require(try ArticleVectors.bytes("run-page"))
    let (store, _) = try sample(keys: 3)
    let content = store.content(7)
    #expect(content[4096..<4096 + 64] == expected[...])
    #expect(content[4096 + 64..<8192].allSatisfy { $0 == 0 })
  }

  @Test(
    "every key is found with its payload, and its neighbours in one bit are not",
    arguments: [1, 2, 254, 255, 256, 510, 511, 2_550, 20_000])
  func findsEveryKey(count: Int) throws {
    let (store, written) = try sample(keys: count)
    for run in [written, try #require(try store.open().first)] {
      for number in 0..<count {
        let key = key(number, of: count)
        #expect(try run.find(key.identity) == key.payload)
        if number % 97 == 0 {
          let other = KeyIdentity(bits: key.identity.bits ^ 1)
          #expect(try run.find(other) == nil)
        }
        let filter = run.filter
        #expect(filter.mayContain(position: key.identity.position, bits: key.identity.tag))
      }
      #expect(try run.allKeys().count == count)
    }
  }

  @Test("keys of one position over several pages are found, and so are crowded and lonely ones")
  func unevenPositions() throws {
    var keys: [SealedKey] = []
    let positions: [UInt128] = [0, 1, 7, 1 << 31, (1 << 32) - 1]
    for position in positions {
      let count = position == 7 ? 900 : 3
      for number in 0..<count {
        let identity = KeyIdentity(bits: position << 80 | UInt128(number) << 40)
        keys.append(SealedKey(identity, payload: UInt16(number)))
      }
    }
    let run = try writeRun(maximumKeys: keys.count) { writer in
      for key in keys { try writer.append(key) }
    }
    for key in keys { #expect(try run.find(key.identity) == key.payload) }
    #expect(try run.find(KeyIdentity(bits: 7 << 80 | 5)) == nil)
    #expect(try run.find(KeyIdentity(bits: 8 << 80)) == nil)
  }

  @Test("a flipped bit is found when the run is opened or its page is read, wherever it stands")
  func flippedBits() throws {
    let (store, run) = try sample(keys: 600)
    let size = run.header.fileByteCount
    let sizes = run.header.sizes
    // What is behind a section is not looked at.
    let meaning = [
      0..<152, 4096..<sizes.fencesOffset, sizes.fencesOffset..<sizes.fencesOffset + 12,
      sizes.filterOffset..<sizes.filterOffset + sizes.filterBlocks * 32,
    ]
    var mix = SplitMix64(seed: 3)
    var places = [
      0, 4, 8, 47, 48, 112, 120, 128, 136, 144, 151, 4096, 4104, 4108, 4112, size - 4096,
    ]
    for _ in 0..<400 { places.append(Int(mix.next() % UInt64(size))) }
    for place in places where meaning.contains(where: { $0.contains(place) }) {
      let bit = UInt8(1) << UInt8(mix.next() % 8)
      store.flip(7, at: place, bits: bit)
      let damage = #expect(throws: RunError.self) { try readAll(store) }
      #expect(damage?.run == 7)
      // A fence that leads astray hides keys without a page that is wrong.
      let isPage = (4096..<sizes.fencesOffset).contains(place)
      if !isPage { #expect(throws: RunError.self) { try store.open() } }
      store.flip(7, at: place, bits: bit)
    }
    try readAll(store)
  }

  private func readAll(_ store: MemoryRunStore) throws {
    for run in try store.open() { _ = try run.allKeys() }
  }

  @Test("a file that is cut off or too long is not opened, whatever its length")
  func wrongLengths() throws {
    let (store, _) = try sample(keys: 600)
    let whole = store.content(7)
    for count in [0, 1, 151, 152, 4095, 4096, 8192, whole.count - 4096, whole.count - 1] {
      #expect(throws: RunError.self) { try open(Array(whole.prefix(count))) }
    }
    #expect(throws: RunError.self) { try open(whole + [0]) }
    try open(whole)
  }

  @Test("counts that no file could have are refused before anything is taken for them")
  func wildCounts() throws {
    let (store, _) = try sample(keys: 3)
    for offset in [112, 120] {
      for value: UInt64 in [0, 1 << 40, .max] {
        var content = store.content(7)
        content.set(littleEndian: value, at: offset)
        content.set(littleEndian: XXH64.hash(Array(content[0..<144]), from: 0), at: 144)
        let damage = #expect(throws: RunError.self) { try open(content) }
        #expect(damage?.fault == (value == 1 << 40 ? .length : .count))
      }
    }
  }

  private func open(_ content: [UInt8]) throws {
    let store = MemoryRunStore()
    store.put(7, content)
    _ = try store.open()
  }
}

/// The hex vectors of the article that defines the format.
private enum ArticleVectors {
  /// The bytes of the fenced block ` ```hex name `; nil if the article has none of that name.
  static func bytes(_ name: String) throws -> [UInt8]? {
    let article = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Sources/Dedup/Dedup.docc/RunFormat.md")
    let text = try String(contentsOf: article, encoding: .utf8)
    guard let start = text.range(of: "```hex \(name)\n"),
      let end = text.range(of: "```", range: start.upperBound..<text.endIndex)
    else { return nil }
    return text[start.upperBound..<end.lowerBound]
      .split(whereSeparator: \.isWhitespace)
      .compactMap { UInt8($0, radix: 16) }
  }
}
