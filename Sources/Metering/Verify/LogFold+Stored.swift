import Wire

extension LogFold {
  /// Takes a row that Postgres holds.
  ///
  /// - Parameters:
  ///   - subject: what was used.
  ///   - hour: the hour of the event times.
  ///   - bookingStart: the first hour of the period that late usage is booked in; nil for usage
  ///     that is not late.
  ///   - sums: the row's sums.
  /// - Returns: false if no log can give such a row: a name is longer than admission allows, or
  ///   the same row was taken before.
  public mutating func takeStored(
    _ subject: UsageSubject, hour: Hour, bookingStart: Hour?, sums: UsageSums
  ) -> Bool {
    let longest = NameTable.maximumNameLength - 1
    guard subject.tenant.utf8.count <= longest, subject.operation.utf8.count <= longest,
      subject.context.utf8.count <= longest
    else { return false }
    let tenant = Array(subject.tenant.utf8)
    let operation = Array(subject.operation.utf8)
    let context = [subject.contextType.rawValue] + Array(subject.context.utf8)
    guard let tenant = names.tenant(tenant.span.raw),
      let operation = names.operation(operation.span.raw),
      let context = names.context(context.span.raw)
    else { preconditionFailure("BUG: a fold without limits of names is at its limit") }
    let row = stored.findOrInsert(
      RollupKey(
        tenant: tenant, operation: operation, context: context, hour: hour.index,
        kind: subject.kind.rawValue, booking: bookingStart?.index ?? RollupKey.notLate))
    guard row.isNew else { return false }
    stored.add(row.slot, sums: sums)
    return true
  }

  /// Gives every row that the log or Postgres has, in any order.
  ///
  /// - Parameter body: gets the row's key, what the log gives and what Postgres holds; nil where
  ///   one of them has no such row.
  /// - Complexity: O(rows).
  public func forEachRow<Failure: Error>(
    _ body: (RollupKey, _ expected: UsageSums?, _ found: UsageSums?) throws(Failure) -> Void
  ) throws(Failure) {
    try stored.forEach { (key, found) throws(Failure) in
      try body(key, rollups.sums(of: key), found)
    }
    try rollups.forEach { (key, expected) throws(Failure) in
      guard key != FoldScope.rest else { return }
      if stored.find(key) == nil { try body(key, expected, nil) }
    }
  }

  /// What the usage of a row's key is.
  public func subject(of key: RollupKey) -> UsageSubject { names.subject(of: key) }

  /// Number of tenants; they are numbered from 0.
  public var tenantCount: Int { names.tenants.count }

  /// The name of the tenant with this number.
  public func tenant(_ number: UInt32) -> String { names.tenantNames.name(of: number) }

  /// The name of the operation with this number, as row keys have it.
  public func operation(_ number: UInt32) -> String { names.operationNames.name(of: number) }

  /// The number of a tenant, nil if neither the log nor Postgres has it.
  public func tenantNumber(_ name: String) -> UInt32? { names.knownTenant(name) }

  /// The last period of a tenant that the log finalizes, up to the checkpoint; nil if there is
  /// none.
  public func finalizedThrough(_ tenant: UInt32) -> BillingPeriod? {
    names.tenants[Int(tenant)].finalized
  }
}
