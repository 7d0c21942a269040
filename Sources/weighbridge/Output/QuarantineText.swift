import Server

/// What was rejected, for people.
enum QuarantineText {
  /// A table of entries.
  static func list(_ entries: [QuarantineEntry]) -> String {
    var table = Table([
      .number("entry"), .text("arrival"), .text("source"), .number("batch"), .text("reason"),
      .text("tenant"), .text("kind"), .text("operation"), .number("quantity"), .text("time"),
    ])
    for entry in entries {
      table.add([
        "\(entry.number)", entry.arrival, entry.source, "\(entry.sequence)", entry.reason,
        entry.tenant ?? "-", entry.kind ?? "-", entry.operation ?? "-",
        entry.quantity.map { NumberText.grouped($0) } ?? "-", entry.time ?? "-",
      ])
    }
    return table.text + "\(NumberText.count(entries.count, "entry", "entries"))\n"
  }

  /// Everything of one entry.
  static func text(_ entry: QuarantineEntry) -> String {
    var facts = Facts()
    facts.add("entry", "\(entry.number)")
    facts.add("reason", entry.reason + (entry.isReplayable ? ", can be replayed" : ""))
    facts.add("arrival", entry.arrival)
    facts.add("source", "\(entry.source), epoch \(entry.epoch)")
    facts.add(
      "batch", "\(entry.sequence)" + (entry.index.map { ", record \($0)" } ?? ", whole frame"))
    let rest: [(String, String?)] = [
      ("tenant", entry.tenant), ("kind", entry.kind), ("operation", entry.operation),
      ("context", entry.contextType.map { "\($0) \(entry.context ?? "")" }),
      ("time", entry.time), ("quantity", entry.quantity.map { NumberText.grouped($0) }),
      ("key", entry.key), ("detail", entry.detail), ("frame", entry.frame),
    ]
    for (name, value) in rest {
      if let value { facts.add(name, value) }
    }
    return facts.text
  }
}
