import Metering
import SeededRandom
import Testing

@Suite("Rollup tables")
struct RollupTableTests {
  /// Keys from a small universe with extremes, so that each comes often.
  private static func key(_ random: inout SplitMix64) -> RollupKey {
    let numbers: [UInt32] = [0, 1, 2, .max]
    let hours: [Int32] = [.min, -1, 0, 490_000, .max]
    let bookings: [Int32] = [RollupKey.notLate, 0, 672, .max]
    return RollupKey(
      tenant: numbers.randomElement(using: &random) ?? 0,
      operation: numbers.randomElement(using: &random) ?? 0,
      context: numbers.randomElement(using: &random) ?? 0,
      hour: hours.randomElement(using: &random) ?? 0,
      kind: [0, 1, 2, 255].randomElement(using: &random) ?? 0,
      booking: bookings.randomElement(using: &random) ?? 0)
  }

  /// Digests are sums modulo 2¹²⁸; all other terms here are far from any limit.
  private static func add(_ sums: UsageSums, to total: inout UsageSums) {
    total.count += sums.count
    total.quantity += sums.quantity
    total.weighted += sums.weighted
    total.byteMilliseconds += sums.byteMilliseconds
    total.digest &+= sums.digest
  }

  private static func contents(_ table: borrowing RollupTable) -> [RollupKey: UsageSums] {
    var contents: [RollupKey: UsageSums] = [:]
    table.forEach { key, sums in
      #expect(contents.updateValue(sums, forKey: key) == nil)
    }
    return contents
  }

  @Test("A key gives back its parts")
  func keyParts() {
    var random = SplitMix64(seed: 10)
    for _ in 0..<2_000 {
      let tenant = UInt32(truncatingIfNeeded: random.next())
      let operation = UInt32(truncatingIfNeeded: random.next())
      let context = UInt32(truncatingIfNeeded: random.next())
      let hour = Int32(truncatingIfNeeded: random.next())
      let kind = UInt8(truncatingIfNeeded: random.next())
      let booking = Int32(truncatingIfNeeded: random.next())
      let key = RollupKey(
        tenant: tenant, operation: operation, context: context, hour: hour, kind: kind,
        booking: booking)
      #expect(key.tenant == tenant && key.operation == operation && key.context == context)
      #expect(key.hour == hour && key.kind == kind && key.booking == booking)
    }
    #expect(MemoryLayout<RollupKey>.stride == 24)
  }

  @Test("Random additions and voids agree with a dictionary", arguments: [0, 1, UInt64.max])
  func model(_ seed: UInt64) {
    var random = SplitMix64(seed: 11)
    var table = RollupTable(seed: seed)
    var model: [RollupKey: UsageSums] = [:]
    for _ in 0..<30_000 {
      let key = RollupTableTests.key(&random)
      let quantity = Int64(truncatingIfNeeded: random.next())
      let weighted = Int128(quantity) * 1_000_000
      let byteMilliseconds = Int128(quantity) * 3_600_000
      let digest = random.next()
      table.prefetch(key)
      let (slot, isNew) = table.findOrInsert(key)
      #expect(isNew == (model[key] == nil))
      #expect(table.find(key) == slot && table[slot].key == key)
      let isVoid = Bool.random(using: &random)
      if isVoid {
        table.subtract(
          slot, quantity: quantity, weighted: weighted, byteMilliseconds: byteMilliseconds,
          digest: digest)
      } else {
        table.add(
          slot, quantity: quantity, weighted: weighted, byteMilliseconds: byteMilliseconds,
          digest: digest)
      }
      let sign: Int128 = isVoid ? -1 : 1
      RollupTableTests.add(
        UsageSums(
          count: Int64(sign), quantity: sign * Int128(quantity), weighted: sign * weighted,
          byteMilliseconds: sign * byteMilliseconds,
          digest: isVoid ? 0 &- UInt128(digest) : UInt128(digest)),
        to: &model[key, default: UsageSums()])
    }
    #expect(table.count == model.count)
    #expect(RollupTableTests.contents(table) == model)
    for (key, sums) in model { #expect(table.sums(of: key) == sums) }
  }

  @Test("A batch finds what single searches find", arguments: [0, 1, 15, 16, 17, 31, 32, 33, 700])
  func batches(_ length: Int) {
    var random = SplitMix64(seed: 12)
    var table = RollupTable(seed: 13)
    for round in 0..<20 {
      let keys = (0..<length).map { _ in RollupTableTests.key(&random) }
      var slots = [UInt32](repeating: 7_777, count: length + 1)
      var span = slots.mutableSpan
      table.find(keys.span, into: &span)
      #expect(slots == keys.map { table.find($0) ?? RollupTable.noSlot } + [7_777])
      if length > 0 && round == 0 { #expect(slots[0] == RollupTable.noSlot) }
      for key in keys.prefix(length / 4 + 1) { _ = table.findOrInsert(key) }
    }
    #expect(length == 0 || table.count > 0)
  }

  @Test("Keys with one and the same hash have rows of their own")
  func collisions() {
    let seed: UInt64 = 23
    let word = CollidingWords(seed: seed).first
    let keys = (0..<300 as Range<UInt32>).map { number in
      RollupKey(
        tenant: UInt32(truncatingIfNeeded: word), operation: UInt32(truncatingIfNeeded: word >> 32),
        context: number / 3, hour: Int32(number % 3), kind: 1)
    }
    var table = RollupTable(seed: seed)
    let made = keys.map { table.findOrInsert($0).slot }
    #expect(made == Array(0..<300))
    var slots = [UInt32](repeating: 0, count: keys.count)
    var span = slots.mutableSpan
    table.find(keys.span, into: &span)
    #expect(slots == made)
    let absent = RollupKey(
      tenant: keys[0].tenant, operation: keys[0].operation, context: 100, hour: 0, kind: 1)
    var again = slots.mutableSpan
    table.find([absent].span, into: &again)
    #expect(slots[0] == RollupTable.noSlot && table.find(absent) == nil)
  }

  @Test("Slots stay while the table grows over several chunks")
  func growth() {
    var table = RollupTable(seed: 15)
    let count = 150_000
    var keys: [RollupKey] = []
    for number in 0..<UInt32(count) {
      keys.append(
        RollupKey(
          tenant: number % 300, operation: number / 300 % 10, context: number / 3_000,
          hour: 490_000, kind: 0))
    }
    let made = keys.map { table.findOrInsert($0).slot }
    #expect(made == Array(0..<UInt32(count)))
    var slots = [UInt32](repeating: 0, count: count)
    var span = slots.mutableSpan
    table.find(keys.span, into: &span)
    #expect(slots == made)
    for (number, slot) in slots.enumerated() {
      table.add(
        slot, quantity: Int64(number), weighted: 0, byteMilliseconds: 0, digest: 0)
    }
    var wrong = 0
    for (number, key) in keys.enumerated() {
      if table.sums(of: key)?.quantity != Int128(number) { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(table.byteCount < count * 180)
  }

  @Test("After removal the table is empty, keeps bounded memory and can be used again")
  func removal() {
    var table = RollupTable(seed: 16)
    for round in 1...2 {
      for number in 0..<300_000 as Range<UInt32> {
        let key = RollupKey(tenant: number, operation: 0, context: 0, hour: 0, kind: 0)
        let (slot, isNew) = table.findOrInsert(key)
        #expect(isNew && slot == number)
        table.add(slot, quantity: 1, weighted: 1, byteMilliseconds: 1, digest: 1)
      }
      let full = table.byteCount
      table.removeAll()
      #expect(table.count == 0 && table.byteCount < full)
      #expect(table.byteCount <= RollupTable.keptRows * 120)
      let key = RollupKey(tenant: 5, operation: 0, context: 0, hour: 0, kind: 0)
      #expect(table.find(key) == nil)
      let slot = table.findOrInsert(key).slot
      #expect(table[slot].sums == UsageSums(), "round \(round)")
      table.removeAll()
    }
  }

  @Test("Rounds of filling and removing hold no more memory than one")
  func rounds() {
    var table = RollupTable(seed: 22)
    var first = 0
    for round in 0..<30 {
      for number in 0..<2_000 as Range<UInt32> {
        let key = RollupKey(tenant: number, operation: 0, context: 0, hour: 0, kind: 0)
        #expect(table.findOrInsert(key).isNew == true)
      }
      if round == 0 { first = table.byteCount }
      #expect(table.byteCount == first)
      table.removeAll()
    }
  }

  @Test("Merging in any order gives the same rows")
  func merging() {
    var random = SplitMix64(seed: 17)
    var parts: [[(RollupKey, Int64)]] = []
    for _ in 0..<4 {
      parts.append(
        (0..<3_000).map { _ in
          (RollupTableTests.key(&random), Int64.random(in: -999...999, using: &random))
        })
    }
    func table(_ numbers: [Int], seed: UInt64) -> RollupTable {
      var table = RollupTable(seed: seed)
      for (key, quantity) in numbers.flatMap({ parts[$0] }) {
        table.add(
          table.findOrInsert(key).slot, quantity: quantity, weighted: Int128(quantity) * 7,
          byteMilliseconds: Int128(quantity) * 11, digest: UInt64(bitPattern: quantity))
      }
      return table
    }
    let whole = table([0, 1, 2, 3], seed: 1)
    var left = table([0, 1], seed: 2)
    left.merge(table([2, 3], seed: 3))
    var right = table([3], seed: 4)
    for number in [1, 0, 2] { right.merge(table([number], seed: 5)) }
    right.merge(RollupTable(seed: 6))
    #expect(RollupTableTests.contents(left) == RollupTableTests.contents(whole))
    #expect(RollupTableTests.contents(right) == RollupTableTests.contents(whole))
  }

  @Test("The largest records of all fit; the digest wraps")
  func extremes() {
    var table = RollupTable(seed: 18)
    let slot = table.findOrInsert(
      RollupKey(tenant: 0, operation: 0, context: 0, hour: 0, kind: 2)
    ).slot
    let quantity = Int64.max
    for _ in 0..<1_000 {
      table.add(
        slot, quantity: quantity, weighted: Int128(quantity) * 1_000_000,
        byteMilliseconds: Int128(quantity) * 253_402_300_800_000, digest: .max)
    }
    let sums = table[slot].sums
    #expect(sums.count == 1_000 && sums.quantity == Int128(quantity) * 1_000)
    #expect(sums.weighted == Int128(quantity) * 1_000_000_000)
    #expect(sums.byteMilliseconds == Int128(quantity) * 253_402_300_800_000_000)
    #expect(sums.digest == UInt128(UInt64.max) * 1_000)
    table.add(slot, sums: UsageSums(quantity: .max - sums.quantity, digest: .max))
    #expect(table[slot].sums.quantity == .max)
    #expect(table[slot].sums.digest == UInt128(UInt64.max) * 1_000 - 1)
  }

  @Test("A sum that overflows stops the process")
  func overflow() async {
    await #expect(processExitsWith: .failure) {
      var table = RollupTable(seed: 0)
      let key = RollupKey(tenant: 0, operation: 0, context: 0, hour: 0, kind: 0)
      let slot = table.findOrInsert(key).slot
      table.add(slot, sums: UsageSums(weighted: .max))
      table.add(slot, quantity: 0, weighted: 1, byteMilliseconds: 0, digest: 0)
    }
    await #expect(processExitsWith: .failure) {
      var table = RollupTable(seed: 0)
      let key = RollupKey(tenant: 0, operation: 0, context: 0, hour: 0, kind: 0)
      let slot = table.findOrInsert(key).slot
      table.add(slot, sums: UsageSums(byteMilliseconds: .min))
      table.subtract(slot, quantity: 0, weighted: 0, byteMilliseconds: 1, digest: 0)
    }
  }
}
