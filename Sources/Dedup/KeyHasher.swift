/// The state of the key hash after a tenant's name; made once for each tenant, then only copied.
public struct TenantScope: Sendable, CustomReflectable {
  @usableFromInline let state: SipHash
  @usableFromInline let byteCount: UInt64

  @inlinable
  init(state: SipHash, byteCount: UInt64) {
    self.state = state
    self.byteCount = byteCount
  }

  /// Shows no field, because the state gives the secret away.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Hashes keys, names and records with the installation's secret, by SipHash-1-3.
///
/// The message for a key is: length of the tenant's name (1 byte), the name, zero bytes up to a
/// multiple of eight, the key, its form (1 byte). The hash of a key never changes: sealed runs and
/// recovery depend on it.
public struct KeyHasher: Sendable, CustomReflectable {
  @usableFromInline let narrow: SipHash
  @usableFromInline let wide: SipHash

  /// A hasher for a secret.
  public init(_ secret: HashSecret) {
    narrow = SipHash(k0: secret.k0, k1: secret.k1, wide: false)
    wide = SipHash(k0: secret.k0, k1: secret.k1, wide: true)
  }

  /// Shows no field, because the state gives the secret away.
  public var customMirror: Mirror { Mirror(self, children: [:]) }

  /// The scope of a tenant's keys.
  ///
  /// - Parameter tenant: the name, at most 255 bytes; more is a bug and traps.
  public func scope(tenant: RawSpan) -> TenantScope {
    let count = tenant.byteCount
    precondition(count <= 255, "BUG: a tenant's name has more than 255 bytes")
    var state = wide
    var word = UInt64(truncatingIfNeeded: count)
    var filled = 1
    for index in 0..<count {
      let byte = UInt64(unsafe tenant.unsafeLoad(fromByteOffset: index, as: UInt8.self))
      word |= byte &<< UInt64(truncatingIfNeeded: filled * 8)
      filled += 1
      if filled == 8 {
        state.absorb(word)
        word = 0
        filled = 0
      }
    }
    if filled > 0 { state.absorb(word) }
    return TenantScope(state: state, byteCount: UInt64(truncatingIfNeeded: (count + 8) / 8 * 8))
  }

  /// The hash of a key of any length.
  ///
  /// - Parameters:
  ///   - key: the bytes of the key.
  ///   - form: 0 for raw bytes, 1 for text; equal bytes in another form are another key.
  ///   - scope: the scope of the key's tenant, made by the same hasher.
  @inlinable
  public func hash(key: RawSpan, form: UInt8, in scope: TenantScope) -> KeyHash {
    var state = scope.state
    let count = UInt64(truncatingIfNeeded: key.byteCount)
    let length = (scope.byteCount &+ count &+ 1) &<< 56
    let rest = count & 7
    let tail = state.absorbWords(of: key) | UInt64(form) &<< (rest &* 8)
    guard rest == 7 else { return state.finish128(tail | length) }
    state.absorb(tail)
    return state.finish128(length)
  }

  /// The hash of a key of sixteen bytes; the same as ``hash(key:form:in:)``, faster.
  ///
  /// - Parameters:
  ///   - first: the first eight bytes, little-endian.
  ///   - second: the last eight bytes, little-endian.
  ///   - form: 0 for raw bytes, 1 for text.
  ///   - scope: the scope of the key's tenant, made by the same hasher.
  @inlinable @inline(__always)
  public func hash16(
    _ first: UInt64, _ second: UInt64, form: UInt8, in scope: TenantScope
  ) -> KeyHash {
    var state = scope.state
    state.absorb(first)
    state.absorb(second)
    return state.finish128(UInt64(form) | (scope.byteCount &+ 17) &<< 56)
  }

  /// The 64-bit hash of bytes, for tables of names.
  @inlinable
  public func word(of bytes: RawSpan) -> UInt64 {
    var state = narrow
    let tail = state.absorbWords(of: bytes)
    return state.finish64(tail | UInt64(truncatingIfNeeded: bytes.byteCount) &<< 56)
  }

  /// The 64-bit hash of a fixed number of words and four bytes, for digests:
  /// `hasher.word([a, b, c], tail: d)`.
  ///
  /// It equals ``word(of:)`` of their little-endian bytes, and needs no memory.
  @inlinable @inline(__always)
  public func word<let count: Int>(
    _ words: InlineArray<count, UInt64>, tail: UInt32
  ) -> UInt64 {
    var state = narrow
    for index in 0..<count { state.absorb(words[index]) }
    return state.finish64(UInt64(tail) | UInt64(truncatingIfNeeded: count &* 8 &+ 4) &<< 56)
  }
}
