/// What makes a record unique within its tenant.
///
/// Keys of different forms are never equal.
public enum RecordKey: Sendable, Hashable {
  /// 16 bytes, the first one in the lowest bits.
  case raw(UInt128)
  /// 1 to 255 bytes of UTF-8 without U+0000.
  case text(String)
}

/// One metered fact, as a source has it before it is encoded.
public struct UsageRecord: Sendable, Hashable {
  /// The tenant's name, 1 to 255 bytes of UTF-8 without U+0000.
  public var tenant: String
  /// What is measured.
  public var kind: UsageKind
  /// What was done, 1 to 255 bytes of UTF-8 without U+0000.
  public var operation: String
  /// Where the usage came from; `other` with an empty name for nowhere.
  public var contextType: ContextType
  /// The context's name, up to 255 bytes of UTF-8 without U+0000.
  public var context: String
  /// The event time.
  public var time: Timestamp
  /// The amount in the unit of the kind; only storage may be negative.
  public var quantity: Int64
  /// What makes the record unique within its tenant.
  public var key: RecordKey

  /// A metered fact.
  public init(
    tenant: String, kind: UsageKind, operation: String, contextType: ContextType = .other,
    context: String = "", time: Timestamp, quantity: Int64, key: RecordKey
  ) {
    self.tenant = tenant
    self.kind = kind
    self.operation = operation
    self.contextType = contextType
    self.context = context
    self.time = time
    self.quantity = quantity
    self.key = key
  }

  /// The lowest reason for which the service would reject the record whatever its state, or nil.
  public var fault: RejectionReason? {
    var longest = max(tenant.utf8.count, operation.utf8.count, context.utf8.count)
    var hasNull =
      Self.containsNull(tenant) || Self.containsNull(operation) || Self.containsNull(context)
    var isKeyEmpty = false
    if case .text(let text) = key {
      longest = max(longest, text.utf8.count)
      hasNull = hasNull || Self.containsNull(text)
      isKeyEmpty = text.isEmpty
    }
    if hasNull { return .textContainsNull }
    if tenant.isEmpty || operation.isEmpty { return .nameEmpty }
    if isKeyEmpty { return .keyEmpty }
    if quantity == .min { return .quantityOutOfRange }
    if quantity < 0, kind != .storage { return .quantityNegative }
    if time.milliseconds < 0 || time > .latest { return .timeInvalid }
    return longest > WireLimits.maximumTextLength ? .textTooLong : nil
  }

  private static func containsNull(_ text: String) -> Bool {
    let bytes = text.utf8Span.span
    for index in bytes.indices where bytes[index] == 0 { return true }
    return false
  }
}
