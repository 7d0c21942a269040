internal import CIntrinsics

/// A view of one bucket of a ``BucketTable``: nine slots in two cache lines.
///
/// ```
///   0  9 × u32 tags       36  u16 meta: bits 0-3 count, bits 4-12 displaced,
///  38  9 × u16 payloads       bit 13 overflowed, bit 14 stashed
///  56  9 × u64 rests
/// ```
///
/// A key that is not there is known after the first line, except one in 2²⁰ or so. Slots are filled
/// from the first and never emptied. A displaced slot's key has its home in the neighbour. A bucket
/// has overflowed when a key whose home it is stands elsewhere, and stashed when one stands in the
/// stash: one full bucket in two has not, and needs no second look.
@unsafe
struct Bucket {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  @inline(__always)
  private var meta: UInt16 { unsafe base.load(fromByteOffset: 36, as: UInt16.self) }

  @inline(__always)
  var count: Int { unsafe Int(meta & 15) }

  @inline(__always)
  var isFull: Bool { unsafe count == TableGeometry.slotsPerBucket }

  /// Whether a key with its home here stands in the neighbour or in the stash.
  @inline(__always)
  var hasOverflowed: Bool { unsafe meta & Self.overflowed != 0 }

  /// Whether a key with its home here stands in the stash.
  @inline(__always)
  var hasStashed: Bool { unsafe meta & Self.stashed != 0 }

  private static var overflowed: UInt16 { 1 &<< 13 }
  private static var stashed: UInt16 { 1 &<< 14 }

  /// The slots in use whose keys are at home, a bit for each.
  @inline(__always)
  var ownSlots: UInt32 { unsafe usedSlots & ~(UInt32(meta) &>> 4) }

  /// The slots in use whose keys have their home in the neighbour, a bit for each.
  @inline(__always)
  var displacedSlots: UInt32 { unsafe usedSlots & UInt32(meta) &>> 4 }

  @inline(__always)
  private var usedSlots: UInt32 { unsafe 1 &<< UInt32(meta & 15) &- 1 }

  @inline(__always)
  func tag(_ slot: Int) -> UInt32 {
    unsafe base.load(fromByteOffset: slot &* 4, as: UInt32.self)
  }

  @inline(__always)
  func payload(_ slot: Int) -> UInt16 {
    unsafe base.load(fromByteOffset: 38 &+ slot &* 2, as: UInt16.self)
  }

  @inline(__always)
  func rest(_ slot: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: 56 &+ slot &* 8, as: UInt64.self)
  }

  /// The slot of a key, or nil.
  @inline(__always)
  func find(_ identity: KeyIdentity, displaced: Bool) -> Int? {
    let slots = unsafe displaced ? displacedSlots : ownSlots
    var matches = unsafe wb_match_nine(base, identity.tag) & slots
    while matches != 0 {
      let slot = matches.trailingZeroBitCount
      if unsafe rest(slot) == identity.rest { return slot }
      matches &= matches &- 1
    }
    return nil
  }

  /// Puts a key into the next free slot; the bucket is not full.
  @inline(__always)
  func append(_ identity: KeyIdentity, payload: UInt16, displaced: Bool) {
    let slot = unsafe count
    unsafe base.storeBytes(of: identity.tag, toByteOffset: slot &* 4, as: UInt32.self)
    unsafe base.storeBytes(of: payload, toByteOffset: 38 &+ slot &* 2, as: UInt16.self)
    unsafe base.storeBytes(of: identity.rest, toByteOffset: 56 &+ slot &* 8, as: UInt64.self)
    let mark = displaced ? UInt16(1) &<< UInt16(4 &+ slot) : 0
    unsafe base.storeBytes(of: (meta &+ 1) | mark, toByteOffset: 36, as: UInt16.self)
  }

  /// Notes that a key with its home here stands elsewhere.
  func markOverflowed(stashed: Bool) {
    let marks = unsafe Self.overflowed | (stashed ? Self.stashed : 0)
    unsafe base.storeBytes(of: meta | marks, toByteOffset: 36, as: UInt16.self)
  }
}
