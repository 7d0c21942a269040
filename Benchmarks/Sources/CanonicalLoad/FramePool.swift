internal import Authentication
internal import Wire

/// The frames of a load: encoded once, and from then on only patched.
///
/// A frame is used again when its last batch is acked, so that its bytes are there to be sent again
/// until then, and so that a repeated key was always judged before. The frames lie in one block of
/// memory, from which the kernel takes them.
///
/// One thread owns a pool.
@safe
public final class FramePool {
  /// How a pool is filled.
  public struct Plan {
    /// Frames that are prepared.
    public var frames: Int
    /// Sources that send them.
    public var sources = 1
    /// The numbering; keys of two numberings differ.
    public var epoch: UInt64
    /// The key that frames are signed with.
    public var keyID: UInt32 = 0
    /// The secret of that key; nil for no authentication.
    public var secret: [UInt8]?
    /// The form of keys.
    public var keys: KeyForm
    /// Bytes of every frame.
    public var frameLength: Int
    /// Records that are not simply new.
    public var shares = MixShares()
    /// Of late records: a time in a finalized period.
    public var lateTime: Int64 = 0
    /// Whether tenants come one after the other.
    public var eachTenant = false
    /// Number that the load is drawn from.
    public var seed: UInt64 = 42

    /// A pool for one source without authentication.
    public init(frames: Int, frameLength: Int, keys: KeyForm = .raw, epoch: UInt64 = 1) {
      self.frames = frames
      self.frameLength = frameLength
      self.keys = keys
      self.epoch = epoch
    }
  }

  /// A record whose time, and perhaps key, is not that of a fresh one.
  struct Special {
    var key: UInt32
    var time: UInt32
    /// Where the key that it repeats begins; nil for a late record.
    var original: UInt32?
    /// Of a repetition: milliseconds after the base time that its original was sent with.
    var delay: Int64
  }

  struct Frame {
    var records: Int64
    var firstFresh = 0
    var freshCount = 0
    var firstSpecial = 0
    var specialCount = 0
    var duplicates: Int64 = 0
    var conflicts: Int64 = 0
    var late: Int64 = 0
    var uses: Int64 = 0
    var baseTime: Int64 = 0
  }

  /// Sums of a frame's records.
  struct FrameSums {
    var fresh: [TenantKind: Totals] = [:]
    /// Of repetitions, which count the first time that the frame is sent.
    var repeated: [TenantKind: Totals] = [:]
  }

  /// The first frame.
  public let base: UnsafeMutablePointer<UInt8>
  /// Bytes from one frame to the next.
  public let stride: Int
  /// Bytes of every frame.
  public let frameLength: Int
  private let keyForm: KeyForm
  private(set) var sums: [FrameSums] = []
  private let lateTime: Int64
  private let sources: Int
  private let frames: UnsafeMutableBufferPointer<Frame>
  private var freshKeys: [UInt32] = []
  private var specials: [Special] = []
  private let authenticator: MessageAuthenticator?
  private let keySeed: UInt64
  private var counter: UInt64 = 0

  /// Composes the frames.
  public init(_ plan: Plan) {
    sources = plan.sources
    keyForm = plan.keys
    frameLength = plan.frameLength
    lateTime = plan.lateTime
    stride = (plan.frameLength + 63) & ~63
    keySeed = plan.epoch &* 0x9E37_79B9_7F4A_7C15
    authenticator = plan.secret.map { MessageAuthenticator(secret: $0) }
    unsafe base = .allocate(capacity: stride * plan.frames)
    unsafe frames = .allocate(capacity: plan.frames)
    unsafe frames.initialize(repeating: Frame(records: 0))
    var mix = CanonicalMix(seed: plan.seed, eachTenant: plan.eachTenant)
    var random = SplitMix64(seed: plan.seed ^ 0xABCD)
    for index in 0..<plan.frames {
      let draft = FrameDraft(
        &mix, random: &random, source: Self.sourceName(0), epoch: plan.epoch, keyID: plan.keyID,
        keys: plan.keys, length: plan.frameLength, shares: plan.shares)
      unsafe frames[index] = add(draft, at: index)
    }
  }

  deinit {
    unsafe base.deallocate()
    unsafe frames.deallocate()
  }

  /// The name of a source; all are equally long.
  public static func sourceName(_ number: Int) -> String {
    let digits = String(number)
    return "loadgen-" + String(repeating: "0", count: 4 - digits.count) + digits
  }

  /// Where the four digits of the source stand in a frame.
  public static let sourceDigits = 64 + 8

  /// Frames.
  public var count: Int { unsafe frames.count }
  /// Records of all frames.
  public var records: Int64 { unsafe frames.reduce(0) { $0 + $1.records } }
  /// Records of a frame in the mean.
  public var recordsPerFrame: Double { Double(records) / Double(count) }
  /// Records of a frame.
  public func records(_ frame: Int) -> Int64 { unsafe frames[frame].records }
  /// What is known of each frame.
  var uses: [Frame] { unsafe Array(frames) }

  /// A frame as it lies there.
  @unsafe
  public func bytes(_ frame: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base + frame * stride, count: frameLength)
  }

  private func add(_ draft: FrameDraft, at index: Int) -> Frame {
    precondition(draft.bytes.count == frameLength, "BUG: a frame of another length")
    for (offset, byte) in draft.bytes.enumerated() { unsafe base[index * stride + offset] = byte }
    var frame = Frame(
      records: Int64(draft.shapes.count), firstFresh: freshKeys.count,
      firstSpecial: specials.count)
    var sum = FrameSums()
    for (number, shape) in draft.shapes.enumerated() {
      let subject = TenantKind(
        tenant: CanonicalMix.tenantName(shape.tenant), kind: shape.kind.name)
      let amount = Totals(records: 1, quantity: Int128(shape.quantity))
      var special = Special(
        key: UInt32(draft.keyOffsets[number]), time: UInt32(draft.timeOffsets[number]),
        delay: shape.delay)
      switch draft.roles[number] {
      case .fresh:
        freshKeys.append(special.key)
        sum.fresh[subject, default: Totals()] += amount
        continue
      case .late:
        frame.late += 1
        sum.fresh[subject, default: Totals()] += amount
      case .duplicate(let of):
        frame.duplicates += 1
        special.original = UInt32(draft.keyOffsets[of])
        sum.repeated[subject, default: Totals()] += amount
      case .conflict(let with):
        frame.conflicts += 1
        special.original = UInt32(draft.keyOffsets[with])
        sum.repeated[subject, default: Totals()] += amount
      }
      specials.append(special)
    }
    frame.freshCount = freshKeys.count - frame.firstFresh
    frame.specialCount = specials.count - frame.firstSpecial
    sums.append(sum)
    return frame
  }

  // MARK: Use

  /// Makes a frame the next batch of a source.
  ///
  /// - Parameter time: the base time of its records in milliseconds.
  public func patch(_ index: Int, source: Int, sequence: UInt64, time: Int64) {
    let frame = unsafe frames[index]
    let bytes = unsafe UnsafeMutableRawPointer(base + index * stride)
    unsafe bytes.storeBytes(of: sequence, toByteOffset: 24, as: UInt64.self)
    unsafe bytes.storeBytes(of: sequence, toByteOffset: 32, as: UInt64.self)
    unsafe bytes.storeBytes(of: time, toByteOffset: 40, as: Int64.self)
    if sources > 1 { unsafe writeDigits(of: source, to: bytes + Self.sourceDigits) }
    // Before the fresh keys overwrite what is to be repeated.
    for number in frame.firstSpecial..<frame.firstSpecial + frame.specialCount {
      unsafe patch(specials[number], of: frame, to: bytes, time)
    }
    var keys = KeySequence(seed: keySeed, counter: counter)
    unsafe freshKeys.withUnsafeBufferPointer { offsets in
      let own = frame.firstFresh..<frame.firstFresh + frame.freshCount
      if keyForm == .raw {
        for number in own { unsafe keys.writeRaw(to: bytes + Int(offsets[number])) }
      } else {
        for number in own { unsafe keys.writeText(to: bytes + Int(offsets[number])) }
      }
    }
    counter = keys.counter
    unsafe frames[index].uses += 1
    unsafe frames[index].baseTime = time
    if let authenticator {
      let end = frameLength - 16
      let signed = unsafe UnsafeRawBufferPointer(start: bytes, count: end)
      let tag = unsafe authenticator.tag(of: signed.bytes)
      unsafe bytes.storeBytes(of: tag, toByteOffset: end, as: UInt128.self)
    }
  }

  @unsafe
  private func patch(
    _ special: Special, of frame: Frame, to bytes: UnsafeMutableRawPointer, _ time: Int64
  ) {
    var delay = special.delay
    if let original = special.original, frame.uses > 0 {
      unsafe (bytes + Int(special.key)).copyMemory(from: bytes + Int(original), byteCount: 16)
      delay += frame.baseTime - time
    } else {
      var keys = KeySequence(seed: keySeed, counter: counter)
      if keyForm == .raw {
        unsafe keys.writeRaw(to: bytes + Int(special.key))
      } else {
        unsafe keys.writeText(to: bytes + Int(special.key))
      }
      counter = keys.counter
      if special.original == nil { delay += lateTime - time }
    }
    unsafe writeTime(delay, to: bytes + Int(special.time))
  }

  /// A zigzag varint that is padded to five bytes.
  @unsafe
  private func writeTime(_ difference: Int64, to target: UnsafeMutableRawPointer) {
    let value = UInt64(bitPattern: (difference << 1) ^ (difference >> 63))
    precondition(value < 1 << 35, "BUG: a time more than 198 days from its frame's")
    for place in 0..<5 {
      let group = UInt8(truncatingIfNeeded: value >> UInt64(7 * place)) & 0x7F
      unsafe target.storeBytes(
        of: place < 4 ? group | 0x80 : group, toByteOffset: place, as: UInt8.self)
    }
  }

  @unsafe
  private func writeDigits(of number: Int, to target: UnsafeMutableRawPointer) {
    var rest = number
    for place in (0..<4).reversed() {
      unsafe target.storeBytes(of: UInt8(0x30 + rest % 10), toByteOffset: place, as: UInt8.self)
      rest /= 10
    }
  }
}
