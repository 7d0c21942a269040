public import Wire

/// Usage records from NDJSON: one JSON object a line. The schema is in <doc:Inputs>.
public final class NDJSONInput: UsageInput {
  private var lines: LineSource

  /// The records of these lines.
  public init(_ lines: consuming LineSource) { self.lines = lines }

  /// Bytes of the input that were read so far, whole lines of it.
  public var bytesRead: Int64 { lines.consumed }

  /// The next record, the fault of the next line, or nil at the end; empty lines are passed over.
  public func next() throws(InputFailure) -> Result<UsageRecord, InputError>? {
    while true {
      switch try lines.advance() {
      case .end: return nil
      case .tooLong:
        return .failure(InputError(line: lines.number, reason: LineSource.tooLongFault))
      case .line:
        do throws(InputFault) {
          guard let record = try Self.record(lines.line) else { continue }
          return .success(record)
        } catch {
          return .failure(InputError(line: lines.number, reason: error))
        }
      }
    }
  }

  /// The record of one line; nil if the line is empty.
  static func record(_ line: Span<UInt8>) throws(InputFault) -> UsageRecord? {
    var cursor = JSONCursor(line)
    if cursor.isAtEnd() { return nil }
    var reader = MemberReader()
    try reader.readObject(&cursor, inContext: false)
    guard cursor.isAtEnd() else { throw cursor.fault(allowed: "the end of the line") }
    return try reader.fields.record()
  }
}

/// Collects the members of one object.
private struct MemberReader {
  var fields = RecordFields()
  /// A bit for each member that was there.
  private var seen: UInt16 = 0

  /// The members of the object and those of its context.
  private enum Member: UInt8 {
    case tenant, kind, operation, quantity, time, key, uuid, context
    case contextType, contextName
  }

  /// Reads an object from its brace to its brace.
  mutating func readObject(_ cursor: inout JSONCursor, inContext: Bool) throws(InputFault) {
    try cursor.expect("{", or: inContext ? "an object with type and name" : "an object")
    if cursor.take("}") { return }
    repeat {
      let name = try cursor.name()
      guard let member = Self.member(name, inContext: inContext) else {
        throw InputFault(
          inContext ? "member of context" : "member", found: name,
          allowed: inContext
            ? "type or name"
            : "tenant, kind, operation, quantity, time, key, uuid or context")
      }
      let bit: UInt16 = 1 << UInt16(member.rawValue)
      guard seen & bit == 0 else {
        throw InputFault("member", found: name, allowed: "each member once")
      }
      seen |= bit
      try cursor.expect(":", or: "a colon after the name of a member")
      try read(member, from: &cursor)
    } while cursor.take(",")
    try cursor.expect("}", or: "a comma or }")
  }

  private mutating func read(_ member: Member, from cursor: inout JSONCursor) throws(InputFault) {
    switch member {
    case .tenant: fields.tenant = try Self.name(&cursor, "tenant")
    case .kind: fields.kind = try RecordFields.kind(cursor.text(field: "kind"))
    case .operation: fields.operation = try Self.name(&cursor, "operation")
    case .quantity:
      fields.quantity = try FieldText.integer(
        cursor.number(field: "quantity", allowed: FieldText.integerRule), field: "quantity")
    case .time: fields.time = try Self.time(&cursor)
    case .key, .uuid:
      guard fields.key == nil else {
        throw InputFault("key", found: "both key and uuid", allowed: "one of them")
      }
      if member == .key {
        fields.key = .text(try Self.name(&cursor, "key"))
      } else {
        let text = try cursor.text(field: "uuid")
        fields.key = .raw(try FieldText.uuid(text.utf8Span.span, field: "uuid"))
      }
    case .context: try readObject(&cursor, inContext: true)
    case .contextType:
      let name = try cursor.text(field: "context type")
      fields.contextType = try RecordFields.contextType(name, field: "context type")
    case .contextName:
      fields.context = try RecordFields.name(
        cursor.text(field: "context name"), field: "context name", mayBeEmpty: true)
    }
  }

  private static func name(
    _ cursor: inout JSONCursor, _ field: String
  ) throws(InputFault)
    -> String
  {
    try RecordFields.name(cursor.text(field: field), field: field)
  }

  /// A time in text, or whole milliseconds as a number.
  private static func time(_ cursor: inout JSONCursor) throws(InputFault) -> Timestamp {
    guard cursor.isAtText() else {
      return try FieldText.time(
        cursor.number(field: "time", allowed: FieldText.timeRule), field: "time")
    }
    let text = try cursor.text(field: "time")
    guard let time = Timestamp(rfc3339: text) else {
      throw InputFault("time", found: text.utf8Span.span, allowed: FieldText.timeRule)
    }
    return time
  }

  private static func member(_ name: Span<UInt8>, inContext: Bool) -> Member? {
    guard !name.isEmpty else { return nil }
    let candidate: (Member, StaticString)
    switch (inContext, name.count, name[0]) {
    case (false, 6, UInt8(ascii: "t")): candidate = (.tenant, "tenant")
    case (false, 4, UInt8(ascii: "k")): candidate = (.kind, "kind")
    case (false, 9, UInt8(ascii: "o")): candidate = (.operation, "operation")
    case (false, 8, UInt8(ascii: "q")): candidate = (.quantity, "quantity")
    case (false, 4, UInt8(ascii: "t")): candidate = (.time, "time")
    case (false, 3, UInt8(ascii: "k")): candidate = (.key, "key")
    case (false, 4, UInt8(ascii: "u")): candidate = (.uuid, "uuid")
    case (false, 7, UInt8(ascii: "c")): candidate = (.context, "context")
    case (true, 4, UInt8(ascii: "t")): candidate = (.contextType, "type")
    case (true, 4, UInt8(ascii: "n")): candidate = (.contextName, "name")
    default: return nil
    }
    return name.starts(with: candidate.1) ? candidate.0 : nil
  }
}
