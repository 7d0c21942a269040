import Foundation

/// The hex vectors of the article that defines the format.
enum ArticleVectors {
  /// The bytes of the fenced block ` ```hex name `; nil if the article has none of that name.
  static func bytes(_ name: String) throws -> [UInt8]? {
    let article = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Sources/SegmentLog/SegmentLog.docc/SegmentFormat.md")
    let text = try String(contentsOf: article, encoding: .utf8)
    guard let start = text.range(of: "```hex \(name)\n"),
      let end = text.range(of: "```", range: start.upperBound..<text.endIndex)
    else { return nil }
    return text[start.upperBound..<end.lowerBound]
      .split(whereSeparator: \.isWhitespace)
      .compactMap { UInt8($0, radix: 16) }
  }
}
