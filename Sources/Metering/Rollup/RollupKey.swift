/// The key of one rollup row: what was used, in which hour, and where late usage is booked.
///
/// 24 bytes. The numbers of names are those of the ledger's name tables.
public struct RollupKey: Sendable, Hashable, BitwiseCopyable {
  /// The booking of usage that is not late.
  public static let notLate: Int32 = .min

  /// Tenant in the low half, operation in the high half.
  let first: UInt64
  /// Context in the low half, hour in the high half.
  let second: UInt64
  /// Booking in the low half, then the kind.
  let third: UInt64

  /// The key of one rollup row.
  ///
  /// - Parameters:
  ///   - tenant: number of the tenant.
  ///   - operation: number of the operation.
  ///   - context: number of the context.
  ///   - hour: index of the hour of the event times.
  ///   - kind: raw value of the `UsageKind`.
  ///   - booking: index of the first hour of the period that late usage is booked in, else
  ///     ``notLate``.
  @inline(__always)
  public init(
    tenant: UInt32, operation: UInt32, context: UInt32, hour: Int32, kind: UInt8,
    booking: Int32 = RollupKey.notLate
  ) {
    first = UInt64(tenant) | UInt64(operation) << 32
    second = UInt64(context) | UInt64(UInt32(bitPattern: hour)) << 32
    third = UInt64(UInt32(bitPattern: booking)) | UInt64(kind) << 32
  }

  /// The same key with another context.
  func with(context: UInt32) -> RollupKey {
    RollupKey(
      tenant: tenant, operation: operation, context: context, hour: hour, kind: kind,
      booking: booking)
  }

  /// Number of the tenant.
  public var tenant: UInt32 { UInt32(truncatingIfNeeded: first) }

  /// Number of the operation.
  public var operation: UInt32 { UInt32(truncatingIfNeeded: first >> 32) }

  /// Number of the context.
  public var context: UInt32 { UInt32(truncatingIfNeeded: second) }

  /// Index of the hour of the event times.
  public var hour: Int32 { Int32(truncatingIfNeeded: second >> 32) }

  /// Raw value of the `UsageKind`.
  public var kind: UInt8 { UInt8(truncatingIfNeeded: third >> 32) }

  /// Index of the first hour of the period that late usage is booked in, else ``notLate``.
  public var booking: Int32 { Int32(truncatingIfNeeded: third) }
}
