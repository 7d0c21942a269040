internal import Logging
internal import Metering
internal import Wire

/// One log line before it is written.
struct LogLine {
  let time: Timestamp
  let level: Logger.Level
  let label: String
  let message: String
  let fields: Logger.Metadata

  /// The line for people: time, level, message and fields as `key=value`, ascending by key.
  ///
  /// Line breaks and other control characters are escaped, so that no text from outside can forge a
  /// line or drive a terminal.
  ///
  /// - Parameter hasColours: whether the level is coloured, for a terminal.
  func text(hasColours: Bool) -> String {
    let name = level.rawValue.uppercased()
    let padding = String(repeating: " ", count: max(0, 8 - name.count))
    let word = hasColours ? "\u{1B}[\(colour)m\(name)\u{1B}[0m" : name
    var line = "\(timeText) \(word)\(padding) \(Self.escaped(message))"
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      line += " \(Self.word(key))=\(Self.word(value.description))"
    }
    return line + "\n"
  }

  /// The line for machines: one JSON object with `time`, `level`, `logger`, `message` and `fields`.
  var json: String {
    let head =
      "{\"time\":\"\(timeText)\",\"level\":\"\(level.rawValue)\","
      + "\"logger\":\(JSONText.quoted(label)),\"message\":\(JSONText.quoted(message))"
    return fields.isEmpty ? head + "}\n" : head + ",\"fields\":\(Self.json(fields))}\n"
  }

  /// With milliseconds in every line, so that columns stay in place.
  private var timeText: String {
    let text = time.text
    return text.utf8.count == 20 ? text.dropLast() + ".000Z" : text
  }

  private var colour: Int {
    switch level {
    case .trace, .debug: 90
    case .info: 32
    case .notice: 36
    case .warning: 33
    case .error, .critical: 31
    }
  }

  private static func json(_ fields: Logger.Metadata) -> String {
    let members = fields.sorted { $0.key < $1.key }.map { key, value in
      "\(JSONText.quoted(key)):\(json(value))"
    }
    return "{\(members.joined(separator: ","))}"
  }

  private static func json(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .dictionary(let fields): json(fields)
    case .array(let values): "[\(values.map { json($0) }.joined(separator: ","))]"
    case .string, .stringConvertible: JSONText.quoted(value.description)
    }
  }

  /// A value as one word: quoted if it is empty or holds a space, a quotation mark or `=`.
  private static func word(_ text: String) -> String {
    let isPlain = !text.isEmpty && !text.contains { $0 == " " || $0 == "\"" || $0 == "=" }
    return isPlain && escaped(text) == text ? text : JSONText.quoted(text)
  }

  private static func escaped(_ text: String) -> String {
    let quoted = JSONText.quoted(text).dropFirst().dropLast()
    return String(quoted).replacing("\\\"", with: "\"")
  }
}
