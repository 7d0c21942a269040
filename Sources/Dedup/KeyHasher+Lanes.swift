internal import CIntrinsics

/// A key among others that are hashed together.
public struct KeyPlace: Sendable, BitwiseCopyable {
  // The fields stand as in `wb_key_place`.

  /// Where its bytes begin.
  public let offset: UInt32
  /// The number of its tenant's scope.
  public let scope: UInt32
  /// The number of the hash that it gets.
  public let target: UInt32
  /// How many bytes it has.
  public let length: UInt8
  /// 0 for raw bytes, 1 for text.
  public let form: UInt8

  /// The place of a key; ``KeyHasher/hash(keys:at:in:into:)`` says what must be inside what.
  @inlinable @inline(__always)
  public init(offset: UInt32, length: UInt8, form: UInt8, scope: UInt32, target: UInt32) {
    self.offset = offset
    self.scope = scope
    self.target = target
    self.length = length
    self.form = form
  }
}

/// Five words and four bytes, as ``KeyHasher/word(_:tail:)`` takes them, among others that are
/// hashed together.
public struct DigestMessage: Sendable, BitwiseCopyable {
  // The fields stand as in `wb_digest_message`.

  /// The first 40 bytes.
  public let words: InlineArray<5, UInt64>
  /// The last four bytes.
  public let tail: UInt32

  /// A message of 44 bytes.
  @inlinable @inline(__always)
  public init(_ words: InlineArray<5, UInt64>, tail: UInt32) {
    self.words = words
    self.tail = tail
  }
}

/// Many at once: eight messages side by side in vector registers.
extension KeyHasher {
  /// Hashes keys, each as ``hash(key:form:in:)`` does it.
  ///
  /// Keys of any lengths and forms may stand in any order. The fastest are eight of one length and
  /// of eight bytes at least; fewer than eight cost as much as eight.
  ///
  /// - Parameters:
  ///   - keys: the bytes that the keys are parts of.
  ///   - places: the keys. One outside `keys`, `scopes` or `hashes` is a bug and traps.
  ///   - scopes: the scopes that the places give numbers of, made by the same hasher.
  ///   - hashes: gets the hashes; what is no key's target stays as it is.
  public func hash(
    keys: RawSpan, at places: Span<KeyPlace>, in scopes: Span<TenantScope>,
    into hashes: inout MutableSpan<KeyHash>
  ) {
    let areInside = unsafe keys.withUnsafeBytes { keys in
      unsafe scopes.withUnsafeBufferPointer { scopes in
        unsafe places.withUnsafeBufferPointer { places in
          unsafe hashes.withUnsafeMutableBufferPointer { hashes in
            unsafe wb_hash_keys(
              keys.baseAddress, keys.count,
              UnsafeRawPointer(scopes.baseAddress)?.assumingMemoryBound(to: wb_scope.self),
              scopes.count,
              UnsafeRawPointer(places.baseAddress)?.assumingMemoryBound(to: wb_key_place.self),
              places.count,
              UnsafeMutableRawPointer(hashes.baseAddress)?
                .assumingMemoryBound(to: wb_key_hash.self), hashes.count)
          }
        }
      }
    }
    precondition(areInside, "BUG: a key outside the bytes, the scopes or the hashes")
  }

  /// The hash of one message, as ``word(_:tail:)`` gives it.
  @inlinable @inline(__always)
  public func word(of message: DigestMessage) -> UInt64 { word(message.words, tail: message.tail) }

  /// Hashes messages, each as ``word(_:tail:)`` does it.
  ///
  /// - Parameters:
  ///   - messages: the messages.
  ///   - hashes: gets their hashes, as many as there are messages; another count is a bug and
  ///     traps.
  public func words(
    of messages: Span<DigestMessage>, into hashes: inout MutableSpan<UInt64>
  ) {
    precondition(messages.count == hashes.count, "BUG: another count of hashes than of messages")
    var state = wb_sip_state(v0: narrow.v0, v1: narrow.v1, v2: narrow.v2, v3: narrow.v3)
    unsafe messages.withUnsafeBytes { messages in
      unsafe hashes.withUnsafeMutableBufferPointer { hashes in
        unsafe wb_hash_messages(
          &state, messages.baseAddress?.assumingMemoryBound(to: wb_digest_message.self),
          hashes.count, hashes.baseAddress)
      }
    }
  }
}
