import Foundation
import Logging
import Testing
import Wire

@testable import Server

@Suite struct ConfigurationLoggingTests {
  func line(_ message: String, _ fields: Logger.Metadata = [:]) -> LogLine {
    LogLine(
      time: Timestamp(milliseconds: 1_767_225_600_000), level: .info, label: "weighbridge",
      message: message, fields: fields)
  }

  @Test func textForPeople() {
    #expect(line("ready").text(hasColours: false) == "2026-01-01T00:00:00.000Z INFO     ready\n")
    #expect(
      line("ready").text(hasColours: true)
        == "2026-01-01T00:00:00.000Z \u{1B}[32mINFO\u{1B}[0m     ready\n")
    let fields: Logger.Metadata = [
      "b": "two words", "a": "1", "empty": "", "q": "a=\"b\"", "list": .array(["x", "y"]),
    ]
    #expect(
      line("it said \"no\"", fields).text(hasColours: false)
        == "2026-01-01T00:00:00.000Z INFO     it said \"no\" a=1 b=\"two words\" empty=\"\" "
        + "list=\"[\\\"x\\\", \\\"y\\\"]\" q=\"a=\\\"b\\\"\"\n")
  }

  @Test func nothingFromOutsideForgesALine() {
    let evil = "x\n2026 ERROR forged\u{1B}[2J\u{9B}31m\r\u{2028}"
    for text in [
      line(evil).text(hasColours: false), line("m", ["k": "\(evil)"]).text(hasColours: false),
    ] {
      #expect(text.unicodeScalars.filter { $0.properties.generalCategory == .control } == ["\n"])
      #expect(text.hasSuffix("\n") && !text.contains("\u{2028}"))
    }
    #expect(line(evil).json.filter(\.isNewline) == "\n")
  }

  @Test func jsonForMachines() throws {
    let fields: Logger.Metadata = [
      "key": "a\"\\\n\u{1}é", "map": .dictionary(["x": .array(["1", .dictionary([:])])]),
    ]
    let text = line("m\t", fields).json
    #expect(text.hasSuffix("}\n"))
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["time"] as? String == "2026-01-01T00:00:00.000Z")
    #expect(object["level"] as? String == "info")
    #expect(object["logger"] as? String == "weighbridge")
    #expect(object["message"] as? String == "m\t")
    let parsed = try #require(object["fields"] as? [String: Any])
    #expect(parsed["key"] as? String == "a\"\\\n\u{1}é")
    #expect(text.contains("\"map\":{\"x\":[\"1\",{}]}"))
    #expect(
      line("m").json == "{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\","
        + "\"logger\":\"weighbridge\",\"message\":\"m\"}\n")
  }

  @Test func levelsAreThoseOfTheLibrary() {
    #expect(LogLevel.allCases.map(\.rawValue) == Logger.Level.allCases.map(\.rawValue))
  }
}
