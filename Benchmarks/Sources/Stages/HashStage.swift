internal import CanonicalLoad
internal import Dedup

/// The keyed hash of keys, each in the scope of a tenant.
final class HashStage: StageBody {
  private let form: KeyForm
  private var scopes: [TenantScope] = []
  private let hasher = KeyHasher(HashSecret(k0: 1, k1: 2))
  private var keys = KeySequence(seed: 3, counter: 0)
  private var text = Array("urn:loadgen:event:00000000000000000000000000000000".utf8)

  init(_ form: KeyForm, _ size: Stage.Size) {
    self.form = form
    for tenant in 0..<(size == .full ? CanonicalMix.tenantCount : 10) {
      let name = Array(CanonicalMix.tenantName(tenant).utf8)
      let bytes = name.span
      scopes.append(unsafe hasher.scope(tenant: bytes.bytes))
    }
  }

  func batch() -> Int {
    form == .raw ? hashRaw() : hashTexts()
    return Stage.group
  }

  private func hashRaw() {
    var sum: UInt64 = 0
    var scope = 0
    for _ in 0..<Stage.group {
      let hash = hasher.hash16(7, keys.next(), form: 0, in: scopes[scope])
      sum ^= hash.high ^ hash.low
      scope = scope + 1 < scopes.count ? scope + 1 : 0
    }
    keep(sum)
  }

  private func hashTexts() {
    var sum: UInt64 = 0
    var scope = 0
    for _ in 0..<Stage.group {
      let key = keys.next()
      for place in 0..<8 { text[34 + place] = UInt8(0x61 + (key >> (4 * UInt64(place))) & 15) }
      let span = text.span
      let hash = unsafe hasher.hash(key: span.bytes, form: 1, in: scopes[scope])
      sum ^= hash.high ^ hash.low
      scope = scope + 1 < scopes.count ? scope + 1 : 0
    }
    keep(sum)
  }
}
