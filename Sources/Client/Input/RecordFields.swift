internal import Wire

/// The fields of a record while they are collected from a line, in any order.
struct RecordFields {
  var tenant: String?
  var kind: UsageKind?
  var operation: String?
  var quantity: Int64?
  var time: Timestamp?
  var key: RecordKey?
  var contextType: ContextType?
  var context: String?

  static let nameRule = "UTF-8 text of 1 to 255 bytes without U+0000"
  static let contextRule = "UTF-8 text of at most 255 bytes without U+0000"
  static let kindRule = "traffic, compute or storage"
  static let contextTypeRule = "project, workspace, admin or other"

  /// The record, if every field that is needed is there and what it says may be billed.
  func record() throws(InputFault) -> UsageRecord {
    let quantity = try Self.require(quantity, "quantity", FieldText.integerRule)
    let kind = try Self.require(kind, "kind", Self.kindRule)
    guard quantity >= 0 || kind == .storage else {
      throw InputFault(
        "quantity", found: String(quantity),
        allowed: "at least 0 for \(kind.name); only storage counts down")
    }
    return UsageRecord(
      tenant: try Self.require(tenant, "tenant", Self.nameRule), kind: kind,
      operation: try Self.require(operation, "operation", Self.nameRule),
      contextType: contextType ?? .other, context: context ?? "",
      time: try Self.require(time, "time", FieldText.timeRule), quantity: quantity,
      key: try Self.require(key, "key", "a key or a uuid"))
  }

  /// The name, if its length is allowed and it holds no U+0000.
  static func name(
    _ text: String, field: String, mayBeEmpty: Bool = false
  ) throws(InputFault)
    -> String
  {
    let bytes = text.utf8Span.span
    var hasNull = false
    for index in bytes.indices where bytes[index] == 0 { hasNull = true }
    guard bytes.count <= 255, !hasNull, mayBeEmpty || !bytes.isEmpty else {
      let found = bytes.count > 255 ? "\(bytes.count) bytes" : InputFault.excerpt(bytes)
      throw InputFault(field, found: found, allowed: mayBeEmpty ? contextRule : nameRule)
    }
    return text
  }

  static func kind(_ name: String) throws(InputFault) -> UsageKind {
    guard let kind = UsageKind(name: name) else {
      throw InputFault("kind", found: name.utf8Span.span, allowed: kindRule)
    }
    return kind
  }

  static func contextType(_ name: String, field: String) throws(InputFault) -> ContextType {
    guard let type = ContextType(name: name) else {
      throw InputFault(field, found: name.utf8Span.span, allowed: contextTypeRule)
    }
    return type
  }

  private static func require<Value>(
    _ value: Value?, _ field: String, _ allowed: String
  )
    throws(InputFault) -> Value
  {
    guard let value else { throw InputFault(field, found: "nothing", allowed: allowed) }
    return value
  }
}
