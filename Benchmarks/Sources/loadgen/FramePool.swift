import Authentication
import Wire

/// The frames of a load: encoded once, and from then on only patched.
///
/// A frame is used again when its last batch is acked, so that its bytes are there to be sent again
/// until then, and so that a repeated key was always judged before. The frames lie in one block of
/// memory, from which the kernel takes them.
///
/// One thread owns a pool.
@safe
final class FramePool {
  /// How a pool is filled.
  struct Plan {
    var frames: Int
    var sources: Int
    var epoch: UInt64
    var keyID: UInt32
    var secret: [UInt8]?
    var keys: KeyForm
    var frameLength: Int
    /// How many of 10,000 records repeat a key with the same payload, and with another one.
    var duplicates: Int
    var conflicts: Int
    var seed: UInt64
  }

  /// A record that repeats a key of its own frame.
  private struct Repetition {
    var key: UInt32
    var time: UInt32
    var original: UInt32
    /// Milliseconds after the base time that its original was sent with.
    var delay: UInt32
  }

  private struct Frame {
    var length: UInt32
    var records: UInt32
    var firstFresh: Int
    var freshCount: Int
    var firstRepetition: Int
    var repetitionCount: Int
    var conflicts: Int64
    var uses: Int64 = 0
    var baseTime: Int64 = 0
  }

  let base: UnsafeMutablePointer<UInt8>
  let stride: Int
  let keyForm: KeyForm
  private let capacity: Int
  private let sources: Int
  private var frames: [Frame] = []
  private var freshKeys: [UInt32] = []
  private var repetitions: [Repetition] = []
  private var sums: [(fresh: [TenantKind: Totals], repeated: [TenantKind: Totals])] = []
  private let authenticator: MessageAuthenticator?
  private let keySeed: UInt64
  private var counter: UInt64 = 0

  init(_ plan: Plan) {
    capacity = plan.frames
    sources = plan.sources
    keyForm = plan.keys
    stride = (plan.frameLength + 63) & ~63
    keySeed = plan.epoch &* 0x9E37_79B9_7F4A_7C15
    authenticator = plan.secret.map { MessageAuthenticator(secret: $0) }
    unsafe base = .allocate(capacity: stride * plan.frames)
    var mix = CanonicalMix(seed: plan.seed)
    var random = SplitMix64(seed: plan.seed ^ 0xABCD)
    for index in 0..<plan.frames {
      let draft = FrameDraft(
        &mix, random: &random, source: Self.sourceName(0), epoch: plan.epoch, keyID: plan.keyID,
        keys: plan.keys, length: plan.frameLength, duplicates: plan.duplicates,
        conflicts: plan.conflicts)
      add(draft, at: index)
    }
  }

  deinit { unsafe base.deallocate() }

  /// The name of a source; all are equally long.
  static func sourceName(_ number: Int) -> String {
    let digits = String(number)
    return "loadgen-" + String(repeating: "0", count: 4 - digits.count) + digits
  }

  /// Where the four digits of the source stand in a frame.
  static let sourceDigits = 64 + 8

  var count: Int { frames.count }
  var recordsPerFrame: Double { Double(frames.reduce(0) { $0 + $1.records }) / Double(count) }
  func length(_ frame: Int) -> UInt32 { frames[frame].length }
  func records(_ frame: Int) -> Int64 { Int64(frames[frame].records) }
  func offset(_ frame: Int) -> UInt64 { UInt64(frame * stride) }

  private func add(_ draft: FrameDraft, at index: Int) {
    precondition(draft.bytes.count <= stride, "BUG: a frame over the datagram's length")
    for (offset, byte) in draft.bytes.enumerated() { unsafe base[index * stride + offset] = byte }
    var frame = Frame(
      length: UInt32(draft.bytes.count), records: UInt32(draft.shapes.count),
      firstFresh: freshKeys.count, freshCount: 0, firstRepetition: repetitions.count,
      repetitionCount: 0, conflicts: 0)
    var sum: (fresh: [TenantKind: Totals], repeated: [TenantKind: Totals]) = ([:], [:])
    for (number, shape) in draft.shapes.enumerated() {
      let subject = TenantKind(
        tenant: CanonicalMix.tenantName(shape.tenant), kind: shape.kind.name)
      let amount = Totals(records: 1, quantity: Int128(shape.quantity))
      let original: Int
      switch draft.roles[number] {
      case .fresh:
        freshKeys.append(UInt32(draft.keyOffsets[number]))
        sum.fresh[subject, default: Totals()] += amount
        continue
      case .duplicate(let of): original = of
      case .conflict(let with):
        original = with
        frame.conflicts += 1
      }
      repetitions.append(
        Repetition(
          key: UInt32(draft.keyOffsets[number]), time: UInt32(draft.timeOffsets[number]),
          original: UInt32(draft.keyOffsets[original]), delay: UInt32(shape.delay)))
      sum.repeated[subject, default: Totals()] += amount
    }
    frame.freshCount = freshKeys.count - frame.firstFresh
    frame.repetitionCount = repetitions.count - frame.firstRepetition
    frames.append(frame)
    sums.append(sum)
  }

  // MARK: Use

  /// Makes a frame the next batch of a source.
  ///
  /// - Parameter time: the base time of its records in milliseconds.
  func patch(_ index: Int, source: Int, sequence: UInt64, time: Int64) {
    let frame = frames[index]
    let bytes = unsafe UnsafeMutableRawPointer(base + index * stride)
    unsafe bytes.storeBytes(of: sequence, toByteOffset: 24, as: UInt64.self)
    unsafe bytes.storeBytes(of: sequence, toByteOffset: 32, as: UInt64.self)
    unsafe bytes.storeBytes(of: time, toByteOffset: 40, as: Int64.self)
    if sources > 1 { unsafe writeDigits(of: source, to: bytes + Self.sourceDigits) }
    // Before the fresh keys overwrite what is to be repeated.
    let isFirst = frame.uses == 0
    let shift = isFirst ? 0 : frame.baseTime - time
    for number in frame.firstRepetition..<frame.firstRepetition + frame.repetitionCount {
      let repetition = repetitions[number]
      if isFirst {
        unsafe writeKey(to: bytes + Int(repetition.key))
      } else {
        unsafe (bytes + Int(repetition.key)).copyMemory(
          from: bytes + Int(repetition.original), byteCount: 16)
      }
      unsafe writeTime(Int64(repetition.delay) + shift, to: bytes + Int(repetition.time))
    }
    for number in frame.firstFresh..<frame.firstFresh + frame.freshCount {
      unsafe writeKey(to: bytes + Int(freshKeys[number]))
    }
    frames[index].uses += 1
    frames[index].baseTime = time
    if let authenticator {
      let end = Int(frame.length) - 16
      let signed = unsafe UnsafeRawBufferPointer(start: bytes, count: end)
      let tag = unsafe authenticator.tag(of: signed.bytes)
      unsafe bytes.storeBytes(of: tag, toByteOffset: end, as: UInt128.self)
    }
  }

  /// A key that was never used. Two counters that differ give two keys that differ: every step of
  /// the mixing (that of SplitMix64) can be undone.
  @unsafe
  @inline(__always)
  private func writeKey(to target: UnsafeMutableRawPointer) {
    counter &+= 1
    var mixed = counter &+ keySeed
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    if keyForm == .raw {
      unsafe target.storeBytes(of: keySeed, as: UInt64.self)
      unsafe target.storeBytes(of: mixed ^ (mixed >> 31), toByteOffset: 8, as: UInt64.self)
    } else {
      unsafe target.storeBytes(
        of: Self.hexadecimal(UInt32(truncatingIfNeeded: mixed)), as: UInt64.self)
      unsafe target.storeBytes(
        of: Self.hexadecimal(UInt32(truncatingIfNeeded: mixed >> 32)), toByteOffset: 8,
        as: UInt64.self)
    }
  }

  /// Eight digits, all of them at once: letters `a` to `p` for 0 to 15.
  private static func hexadecimal(_ value: UInt32) -> UInt64 {
    var word = UInt64(value)
    word = (word | (word << 16)) & 0x0000_FFFF_0000_FFFF
    word = (word | (word << 8)) & 0x00FF_00FF_00FF_00FF
    word = (word | (word << 4)) & 0x0F0F_0F0F_0F0F_0F0F
    return word &+ 0x6161_6161_6161_6161
  }

  /// A zigzag varint that is padded to four bytes.
  @unsafe
  private func writeTime(_ difference: Int64, to target: UnsafeMutableRawPointer) {
    let value = UInt64(bitPattern: (difference << 1) ^ (difference >> 63))
    precondition(value < 1 << 28, "BUG: a frame waited for more than a day to be used again")
    var word = value & 0x7F | (value << 1) & 0x7F00
    word |= (value << 2) & 0x7F_0000 | (value << 3) & 0x7F00_0000 | 0x0080_8080
    unsafe target.storeBytes(of: UInt32(truncatingIfNeeded: word), as: UInt32.self)
  }

  @unsafe
  private func writeDigits(of number: Int, to target: UnsafeMutableRawPointer) {
    var rest = number
    for place in (0..<4).reversed() {
      unsafe target.storeBytes(of: UInt8(0x30 + rest % 10), toByteOffset: place, as: UInt8.self)
      rest /= 10
    }
  }

  // MARK: What it came to

  /// What Postgres must hold of everything that was sent.
  var expectedTotals: [TenantKind: Totals] {
    var totals: [TenantKind: Totals] = [:]
    for (index, frame) in frames.enumerated() where frame.uses > 0 {
      for (subject, sum) in sums[index].fresh {
        totals[subject, default: Totals()] += sum * frame.uses
      }
      // The first time there was nothing to repeat.
      for (subject, sum) in sums[index].repeated { totals[subject, default: Totals()] += sum }
    }
    return totals
  }

  /// The verdicts that must come.
  var expectedVerdicts: VerdictTotals {
    var totals = VerdictTotals()
    for frame in frames where frame.uses > 0 {
      let repeated = Int64(frame.repetitionCount) * (frame.uses - 1)
      totals.conflict += frame.conflicts * (frame.uses - 1)
      totals.duplicate += repeated - frame.conflicts * (frame.uses - 1)
      totals.accepted += Int64(frame.records) * frame.uses - repeated
    }
    return totals
  }

  /// Reads every frame with the service's decoder and says what is wrong with one.
  func firstFault() -> String? {
    for index in frames.indices {
      let all = unsafe UnsafeRawBufferPointer(
        start: base + index * stride, count: Int(frames[index].length))
      let bytes = unsafe all.bytes
      do throws(WireError) {
        let header = try FrameHeader(parsing: bytes, limits: .standard)
        var columns = UsageColumns()
        try columns.append(frame: bytes, header: header)
        for record in 0..<columns.count where columns.fault[record] != 0 {
          return "record \(record) of frame \(index) has fault \(columns.fault[record])"
        }
      } catch {
        return "frame \(index): \(error)"
      }
    }
    return nil
  }
}
