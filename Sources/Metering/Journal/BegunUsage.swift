/// Which tenants used which contexts in which hours, as far as it was asked before: a cache of few
/// answers, so that what is the same for thousands of records is noted for a few of them.
struct BegunUsage: ~Copyable {
  private static let bits = 12

  /// Tenant, context, hour and booking.
  private struct Usage: BitwiseCopyable, Equatable {
    var who: UInt64
    var when: UInt64
  }

  private let recent = ScratchColumn(
    filler: Usage(who: .max, when: .max), capacity: 1 << bits)

  /// Notes the usage of a key.
  ///
  /// - Returns: false if it is known to be noted already.
  @inline(__always)
  func insert(_ key: RollupKey) -> Bool {
    let usage = Usage(
      who: UInt64(key.tenant) << 32 | UInt64(key.context),
      when: UInt64(UInt32(bitPattern: key.hour)) << 32 | UInt64(UInt32(bitPattern: key.booking)))
    let mixed = (usage.who ^ usage.when &* 0x9e37_79b9_7f4a_7c15) &* 0xff51_afd7_ed55_8ccd
    let place = Int(truncatingIfNeeded: mixed >> UInt64(64 - Self.bits))
    if recent[place] == usage { return false }
    recent[place] = usage
    return true
  }
}
