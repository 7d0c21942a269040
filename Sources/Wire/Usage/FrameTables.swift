/// Where the tables of one frame stand among those of the group.
struct FrameTables {
  var firstTenant: Int
  var tenantCount: Int
  var firstOperation: Int
  var operationCount: Int
  var firstContext: Int
  var contextCount: Int
  /// Whether an entry has a fault, so that records must look.
  var hasFaults: Bool

  /// The entries of a record among those of the group.
  struct Indices {
    var tenant: UInt32
    var operation: UInt32
    var context: UInt32
    /// Whether all indices are inside their tables.
    var isComplete: Bool
  }

  /// The entries of a record; what they are when not complete is left to ``bounded(_:of:)``.
  @inline(__always)
  func resolve(_ fields: RecordFields) -> Indices {
    let before = fields.context == 0 ? 0 : UInt32(truncatingIfNeeded: firstContext &- 1)
    return Indices(
      tenant: UInt32(truncatingIfNeeded: fields.tenant)
        &+ UInt32(truncatingIfNeeded: firstTenant),
      operation: UInt32(truncatingIfNeeded: fields.operation)
        &+ UInt32(truncatingIfNeeded: firstOperation),
      context: UInt32(truncatingIfNeeded: fields.context) &+ before,
      isComplete: fields.tenant < UInt64(truncatingIfNeeded: tenantCount)
        && fields.operation < UInt64(truncatingIfNeeded: operationCount)
        && fields.context <= UInt64(truncatingIfNeeded: contextCount))
  }

  /// The entries of a record with 0 for those outside their tables.
  func bounded(_ indices: Indices, of fields: RecordFields) -> Indices {
    var bounded = indices
    if fields.tenant >= UInt64(truncatingIfNeeded: tenantCount) { bounded.tenant = 0 }
    if fields.operation >= UInt64(truncatingIfNeeded: operationCount) { bounded.operation = 0 }
    if fields.context > UInt64(truncatingIfNeeded: contextCount) { bounded.context = 0 }
    return bounded
  }
}
