extension RollupTable {
  /// Adds one record to a row. O(1).
  ///
  /// The digest is a sum modulo 2¹²⁸. An overflow of any other sum, which the limits of admission
  /// make impossible, traps.
  ///
  /// - Parameters:
  ///   - slot: the row, as ``findOrInsert(_:)`` gave it.
  ///   - quantity: the record's quantity.
  ///   - weighted: quantity times weight.
  ///   - byteMilliseconds: see ``StorageArithmetic``; 0 for what is not storage.
  ///   - digest: the record's keyed hash.
  @inline(__always)
  public mutating func add(
    _ slot: UInt32, quantity: Int64, weighted: Int128, byteMilliseconds: Int128, digest: UInt64
  ) {
    let row = unsafe rows.pointer(Int(slot))
    unsafe row.pointee.count = checked(row.pointee.count.addingReportingOverflow(1))
    unsafe row.pointee.quantity = checked(
      row.pointee.quantity.addingReportingOverflow(Int128(quantity)))
    unsafe row.pointee.weighted = checked(row.pointee.weighted.addingReportingOverflow(weighted))
    unsafe row.pointee.byteMilliseconds = checked(
      row.pointee.byteMilliseconds.addingReportingOverflow(byteMilliseconds))
    unsafe row.pointee.digest &+= UInt128(digest)
  }

  /// Takes one record out of a row again, for a void. O(1).
  ///
  /// The record need not have been added to this table: the row then holds what the void changes.
  /// Parameters and overflow are those of
  /// ``add(_:quantity:weighted:byteMilliseconds:digest:)``.
  @inline(__always)
  public mutating func subtract(
    _ slot: UInt32, quantity: Int64, weighted: Int128, byteMilliseconds: Int128, digest: UInt64
  ) {
    let row = unsafe rows.pointer(Int(slot))
    unsafe row.pointee.count = checked(row.pointee.count.subtractingReportingOverflow(1))
    unsafe row.pointee.quantity = checked(
      row.pointee.quantity.subtractingReportingOverflow(Int128(quantity)))
    unsafe row.pointee.weighted = checked(
      row.pointee.weighted.subtractingReportingOverflow(weighted))
    unsafe row.pointee.byteMilliseconds = checked(
      row.pointee.byteMilliseconds.subtractingReportingOverflow(byteMilliseconds))
    unsafe row.pointee.digest &-= UInt128(digest)
  }

  /// Adds sums to a row, with the same rule for overflow. O(1).
  public mutating func add(_ slot: UInt32, sums: UsageSums) {
    let row = unsafe rows.pointer(Int(slot))
    unsafe row.pointee.count = checked(row.pointee.count.addingReportingOverflow(sums.count))
    unsafe row.pointee.quantity = checked(
      row.pointee.quantity.addingReportingOverflow(sums.quantity))
    unsafe row.pointee.weighted = checked(
      row.pointee.weighted.addingReportingOverflow(sums.weighted))
    unsafe row.pointee.byteMilliseconds = checked(
      row.pointee.byteMilliseconds.addingReportingOverflow(sums.byteMilliseconds))
    unsafe row.pointee.digest &+= sums.digest
  }

  /// The key and the sums of a row. O(1).
  public subscript(slot: UInt32) -> (key: RollupKey, sums: UsageSums) {
    let row = unsafe rows.pointer(Int(slot)).pointee
    return (
      row.key,
      UsageSums(
        count: row.count, quantity: row.quantity, weighted: row.weighted,
        byteMilliseconds: row.byteMilliseconds, digest: row.digest)
    )
  }

  /// The sums of a key, or nil if it has no row. O(1).
  public func sums(of key: RollupKey) -> UsageSums? {
    guard let slot = find(key) else { return nil }
    return self[slot].sums
  }

  /// Gives every row to `body`, in the order in which the rows came. O(n).
  public func forEach<Failure: Error>(
    _ body: (RollupKey, UsageSums) throws(Failure) -> Void
  ) throws(Failure) {
    for row in 0..<count {
      let (key, sums) = self[UInt32(truncatingIfNeeded: row)]
      try body(key, sums)
    }
  }

  /// Adds every row of another table. O(n).
  public mutating func merge(_ other: borrowing RollupTable) {
    let distance = 24
    for row in 0..<other.count {
      if row + distance < other.count {
        prefetch(other[UInt32(truncatingIfNeeded: row + distance)].key)
      }
      let (key, sums) = other[UInt32(truncatingIfNeeded: row)]
      add(findOrInsert(key).slot, sums: sums)
    }
  }
}

/// The result of an addition that cannot overflow.
@inline(__always)
private func checked<Number: FixedWidthInteger>(
  _ result: (partialValue: Number, overflow: Bool)
) -> Number {
  precondition(!result.overflow, "BUG: a sum of usage overflows although its terms are limited")
  return result.partialValue
}
