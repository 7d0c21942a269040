import CanonicalLoad
import Glibc
import Wire

/// Datagrams of NetFlow version 5 whose flows are the records of the canonical load: the tenant is
/// the source address, the operation the port, the kind the protocol, the context the type of
/// service, the quantity the bytes.
///
/// 30 flows of 48 bytes in a datagram, as version 5 has at most.
@safe
final class FlowPool {
  static let recordsPerDatagram = 30
  static let length = 24 + 48 * recordsPerDatagram
  let stride = (length + 63) & ~63
  let count: Int
  let base: UnsafeMutablePointer<UInt8>
  /// Flows that were sent.
  private(set) var flows: Int64 = 0
  private var keys = KeySequence(seed: 7, counter: 0)

  init(count: Int = 1_024) {
    self.count = count
    unsafe base = .allocate(capacity: stride * count)
    unsafe base.initialize(repeating: 0, count: stride * count)
    var mix = CanonicalMix(seed: 42)
    for datagram in 0..<count {
      let start = unsafe UnsafeMutableRawPointer(base + datagram * stride)
      unsafe Self.put(UInt16(5), at: start)
      unsafe Self.put(UInt16(Self.recordsPerDatagram), at: start + 2)
      unsafe Self.put(UInt32(3_600_000), at: start + 4)
      for record in 0..<Self.recordsPerDatagram {
        unsafe Self.write(mix.next(), to: start + 24 + 48 * record)
      }
    }
  }

  deinit { unsafe base.deallocate() }

  @unsafe
  private static func write(_ shape: RecordShape, to flow: UnsafeMutableRawPointer) {
    let address = UInt32(10) << 24 | UInt32(shape.tenant / 250) << 8 | UInt32(shape.tenant % 250)
    unsafe put(address, at: flow)
    unsafe put(UInt32(1), at: flow + 16)
    unsafe put(UInt32(truncatingIfNeeded: shape.quantity.magnitude), at: flow + 20)
    unsafe put(UInt32(3_598_000), at: flow + 24)
    unsafe put(UInt32(3_599_000 + UInt32(shape.delay / 2)), at: flow + 28)
    unsafe put(UInt16(1_000 + shape.operation), at: flow + 34)
    let kind: UInt8 = [6, 17, 1][Int(shape.kind.rawValue)]
    unsafe flow.storeBytes(of: kind, toByteOffset: 38, as: UInt8.self)
    unsafe flow.storeBytes(of: UInt8(shape.context * 4), toByteOffset: 39, as: UInt8.self)
  }

  /// Makes a datagram the next one.
  func patch(_ index: Int, seconds: UInt32) {
    let start = unsafe UnsafeMutableRawPointer(base + index * stride)
    unsafe Self.put(seconds, at: start + 8)
    unsafe Self.put(UInt32(truncatingIfNeeded: flows), at: start + 16)
    for record in 0..<Self.recordsPerDatagram {
      let flow = unsafe start + 24 + 48 * record
      // What a key is to a usage record: the other address and the other port.
      let key = keys.next()
      unsafe flow.storeBytes(of: UInt32(truncatingIfNeeded: key), toByteOffset: 4, as: UInt32.self)
      unsafe flow.storeBytes(
        of: UInt16(truncatingIfNeeded: key >> 32), toByteOffset: 32, as: UInt16.self)
    }
    flows += Int64(Self.recordsPerDatagram)
  }

  /// Writes an integer, highest byte first.
  @unsafe
  private static func put(_ value: some FixedWidthInteger, at place: UnsafeMutableRawPointer) {
    unsafe withUnsafeBytes(of: value.bigEndian) { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe place.copyMemory(from: start, byteCount: bytes.count)
    }
  }
}
