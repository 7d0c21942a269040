internal import CanonicalLoad
internal import Dedup

/// The keyed hash of the keys of a group, each in the scope of a tenant.
final class HashStage: StageBody {
  private let form: UInt8
  private let length: Int
  private let hasher = KeyHasher(HashSecret(k0: 1, k1: 2))
  private var scopes: [TenantScope] = []
  private var keys: [UInt8] = []
  private var places: [KeyPlace] = []
  private var hashes = Array(repeating: KeyHash(high: 0, low: 0), count: Stage.group)

  init(_ form: KeyForm, _ size: Stage.Size) {
    self.form = form == .raw ? 0 : 1
    for tenant in 0..<(size == .full ? CanonicalMix.tenantCount : 10) {
      let name = Array(CanonicalMix.tenantName(tenant).utf8)
      let bytes = name.span
      scopes.append(unsafe hasher.scope(tenant: bytes.bytes))
    }
    var sequence = KeySequence(seed: 3, counter: 0)
    let prefix = form == .raw ? [] : Array("urn:loadgen:event:".utf8)
    length = form == .raw ? 16 : 50
    for _ in 0..<Stage.group {
      keys += prefix
      for _ in prefix.count..<length { keys.append(UInt8(0x61 + sequence.next() % 16)) }
    }
    places.reserveCapacity(Stage.group)
  }

  func batch() -> Int {
    var scope = 0
    places.removeAll(keepingCapacity: true)
    places.append(addingCapacity: Stage.group) { out in
      for record in 0..<Stage.group {
        out.append(
          KeyPlace(
            offset: UInt32(truncatingIfNeeded: record &* length),
            length: UInt8(truncatingIfNeeded: length), form: form,
            scope: UInt32(truncatingIfNeeded: scope),
            target: UInt32(truncatingIfNeeded: record)))
        scope = scope + 1 < scopes.count ? scope + 1 : 0
      }
    }
    hash(into: &hashes)
    keep(hashes[0].high ^ hashes[Stage.group - 1].low)
    return Stage.group
  }

  private func hash(into hashes: inout [KeyHash]) {
    let (keys, places, scopes) = (keys, places, scopes)
    let bytes = keys.span
    var span = hashes.mutableSpan
    unsafe hasher.hash(keys: bytes.bytes, at: places.span, in: scopes.span, into: &span)
  }
}
