internal import Metering
internal import Wire
internal import Yams

/// Weights of operations: a mapping from the name to a weight, or to a list of weights with the
/// time that each is effective from. Outside the configuration file it is written as one line of
/// the same YAML: `{task_create: 5, export: [{from: 2026-01-01, weight: 40}]}`.
struct WeightsFormat: SettingFormat {
  var type: String { "table" }

  var allowed: String {
    "a mapping from operations to a weight from 0 to \(WeightTable.maximumWeight), "
      + "or to a list such as [{from: 2026-01-01, weight: 5}]"
  }

  var shape: SettingShape { .table }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> WeightTable {
    guard let root = try? Yams.compose(yaml: text), let mapping = root.mapping else {
      throw .notAllowed
    }
    var entries: [WeightEntry] = []
    var faults: [SettingMismatch.Item] = []
    for (key, value) in mapping {
      guard let operation = key.scalar?.string else {
        faults.append(.init(found: nil, reason: "the name of an operation is not text"))
        continue
      }
      do throws(SettingMismatch) {
        let more = try Self.entries(of: operation, from: value)
        // Alone, so that each operation's fault is found.
        _ = try Self.table(more, of: operation)
        entries += more
      } catch {
        faults += error.items
      }
    }
    guard faults.isEmpty else { throw SettingMismatch(items: faults) }
    return try Self.table(entries, of: nil)
  }

  func text(_ value: WeightTable) -> String {
    var operations: [(name: String, weights: [String])] = []
    for entry in value.entries {
      if operations.last.map({ !$0.name.utf8.elementsEqual(entry.operation.utf8) }) ?? true {
        operations.append((entry.operation, []))
      }
      let weight = "{from: \(entry.effectiveFrom.text), weight: \(entry.weight)}"
      operations[operations.count - 1].weights.append(weight)
    }
    let texts = operations.map { operation in
      "\(JSONText.quoted(operation.name)): [\(operation.weights.joined(separator: ", "))]"
    }
    return "{\(texts.joined(separator: ", "))}"
  }

  func summary(_ value: WeightTable) -> String {
    "\(value.entries.count) weights of \(Self.operationCount(value)) operations"
  }

  /// Number of distinct operations that a table names.
  static func operationCount(_ table: WeightTable) -> Int {
    Set(table.entries.map { Array($0.operation.utf8) }).count
  }

  private static func table(
    _ entries: [WeightEntry], of operation: String?
  ) throws(SettingMismatch) -> WeightTable {
    do throws(WeightError) {
      return try WeightTable(entries: entries)
    } catch {
      throw SettingMismatch(items: [.init(place: operation, found: "", reason: "\(error)")])
    }
  }

  /// The weights of one operation: one weight for all times, or a list with dates.
  private static func entries(
    of operation: String, from node: Node
  ) throws(SettingMismatch) -> [WeightEntry] {
    func mismatch(_ found: String?, _ reason: String) -> SettingMismatch {
      SettingMismatch(items: [.init(place: operation, found: found ?? "", reason: reason)])
    }
    func weight(_ text: String) throws(SettingMismatch) -> Int64 {
      guard text.utf8.allSatisfy({ (48...57).contains($0) }), let weight = Int64(text),
        weight <= WeightTable.maximumWeight
      else {
        throw mismatch(text, "a weight is a whole number from 0 to \(WeightTable.maximumWeight)")
      }
      return weight
    }
    if let scalar = node.scalar {
      let weight = try weight(scalar.string)
      let always = Timestamp(milliseconds: 0)
      return [WeightEntry(operation: operation, weight: weight, effectiveFrom: always)]
    }
    guard let sequence = node.sequence, !sequence.isEmpty else {
      throw mismatch(nil, "it is neither a weight nor a list of {from, weight}")
    }
    var entries: [WeightEntry] = []
    for item in sequence {
      guard let mapping = item.mapping, mapping.count == 2,
        let from = mapping["from"]?.scalar?.string, let text = mapping["weight"]?.scalar?.string
      else {
        throw mismatch(item.scalar?.string, "each item has exactly the two keys from and weight")
      }
      let time = from.utf8.count == 10 ? from + "T00:00:00Z" : from
      guard let effectiveFrom = Timestamp(rfc3339: time) else {
        throw mismatch(
          from, "from is a date such as 2026-01-01, or a time such as 2026-01-01T00:00:00Z")
      }
      let weight = try weight(text)
      entries.append(
        WeightEntry(operation: operation, weight: weight, effectiveFrom: effectiveFrom))
    }
    return entries
  }
}
