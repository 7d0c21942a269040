import SeededRandom
import Testing

@testable import Dedup

/// An identity in a bucket of a table with one shard: bucket, then a number that differs.
private func identity(bucket: Int, _ number: UInt64) -> KeyIdentity {
  var mix = SplitMix64(seed: number)
  let hash = KeyHash(
    high: UInt64(bucket) << 48 | mix.next() >> 16, low: mix.next())
  return KeyIdentity(hash)
}

@Suite("Key identity")
struct KeyIdentityTests {
  @Test("bucket and slot give the identity back, for every size of table and every edge")
  func roundTrip() {
    var mix = SplitMix64(seed: 1)
    for shards in [1, 2, 3, 5, 7, 64, 1000, 4095, 4096] {
      let count = shards * TableGeometry.bucketsPerShard
      var positions: [UInt32] = [0, 1, 0xffff, 0x1_0000, .max, .max - 0xffff]
      for _ in 0..<2000 {
        let edge = (UInt64(mix.next() % UInt64(count)) << 32) / UInt64(count)
        for step in 0...2 {
          positions.append(UInt32(truncatingIfNeeded: edge &+ UInt64(step) &- 1))
        }
        positions.append(UInt32(truncatingIfNeeded: mix.next()))
      }
      for position in positions {
        let high = UInt64(position) << 32 | mix.next() >> 32
        let whole = KeyIdentity(KeyHash(high: high, low: mix.next()))
        let index = scaled(whole.position, to: count)
        let upper = KeyIdentity.upperBits(bucket: index, shards: shards)
        let back = KeyIdentity(upperBits: upper, rest: whole.rest, tag: whole.tag)
        #expect(whole.position == position)
        #expect(back == whole)
      }
    }
  }

  @Test("each of the upper 112 bits decides and the lower 16 do not")
  func bits() {
    let hash = KeyHash(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
    let whole = KeyIdentity(hash)
    for bit in 0..<64 {
      let mask = UInt64(1) << UInt64(bit)
      #expect(KeyIdentity(KeyHash(high: hash.high ^ mask, low: hash.low)) != whole)
      let other = KeyIdentity(KeyHash(high: hash.high, low: hash.low ^ mask))
      #expect((other == whole) == (bit < 16))
    }
    #expect(whole.filterBits == UInt32(truncatingIfNeeded: hash.high))
  }

  @Test("a sealed key holds identity and payload, and keeps the order of identities")
  func sealedKey() {
    let low = KeyIdentity(KeyHash(high: 1, low: .max))
    let high = KeyIdentity(KeyHash(high: 2, low: 0))
    let key = SealedKey(low, payload: 0xfffe)
    #expect(key.identity == low && key.payload == 0xfffe)
    #expect(low < high && key.bits < SealedKey(high, payload: 0).bits)
  }
}

@Suite("Bucket table")
struct BucketTableTests {
  /// Fills one pair of buckets with `left` and `right` keys and checks after each one.
  private func fill(left: Int, right: Int) throws {
    var geometry = TableGeometry()
    geometry.stashSlotsPerShard = 8
    let table = BucketTable(shards: 1, geometry: geometry)
    let keys =
      (0..<left).map { identity(bucket: 6, UInt64($0)) }
      + (0..<right).map { identity(bucket: 7, UInt64(1000 + $0)) }
    for (number, key) in keys.enumerated() {
      #expect(table.find(key) == nil)
      let fits = number < 2 * TableGeometry.slotsPerBucket + geometry.stashLimit
      let inserted = table.insert(key, payload: UInt16(number), arrival: Int64(number))
      // A lone bucket fills itself and its neighbour, so only the stash can run out.
      #expect(inserted == fits)
      for (place, earlier) in keys[...number].enumerated() {
        #expect(table.find(earlier) == (place < table.count ? UInt16(place) : nil))
      }
    }
    #expect(table.count == min(left + right, 24))
    #expect(table.stashedCount == max(0, table.count - 18))
    #expect(table.firstArrival == 0 && table.lastArrival == Int64(table.count - 1))
    try checkSealing(table, keys: Array(keys[..<table.count]))
  }

  private func checkSealing(_ table: BucketTable, keys: [KeyIdentity]) throws {
    let run = try sealedRun(of: table)
    let expected = keys.enumerated().map { SealedKey($1, payload: UInt16($0)) }
      .sorted { $0.bits < $1.bits }
    #expect(try run.allKeys() == expected)
    for (number, key) in keys.enumerated() { #expect(try run.find(key) == UInt16(number)) }
  }

  @Test("home, neighbour, stash and full, for every way to fill a pair")
  func everyFill() throws {
    for left in [1, 8, 9, 10, 17, 18, 19, 26] {
      for right in [0, 1, 9, 10, 19] { try fill(left: left, right: right) }
    }
  }

  @Test("a slot with the same tag is not the same key, nor is a neighbour's displaced twin")
  func tagsAreNotEnough() {
    let table = BucketTable(shards: 1, geometry: TableGeometry())
    let base = identity(bucket: 6, 1)
    for bit: UInt128 in [32, 47, 79] {
      let other = KeyIdentity(bits: base.bits ^ 1 << bit)
      #expect(other.tag == base.tag)
      #expect(table.insert(other, payload: 1, arrival: 0))
      #expect(table.find(base) == nil)
    }
    // Bit 96 is the lowest that only the bucket tells: the twin has equal slot bytes next door.
    let twin = KeyIdentity(bits: base.bits ^ 1 << 96)
    #expect(twin.rest == base.rest && twin.tag == base.tag)
    for number in 2..<8 {
      #expect(table.insert(identity(bucket: 6, UInt64(number)), payload: 0, arrival: 0))
    }
    #expect(table.insert(base, payload: 10, arrival: 0))  // Displaced into the twin's home.
    #expect(table.find(twin) == nil)
    #expect(table.insert(twin, payload: 11, arrival: 0))
    #expect(table.find(base) == 10 && table.find(twin) == 11)
  }

  @Test("an identity of zero and one of ones are keys like others, in bucket and stash")
  func extremes() {
    var geometry = TableGeometry()
    geometry.stashSlotsPerShard = 8
    for isCrowded in [false, true] {
      let table = BucketTable(shards: 1, geometry: geometry)
      for (bucket, hash) in [
        (0, KeyHash(high: 0, low: 0)), (65535, KeyHash(high: .max, low: .max)),
      ] {
        for number in 0..<(isCrowded ? 18 : 0) {
          let crowd = identity(bucket: bucket, UInt64(number))
          #expect(table.insert(crowd, payload: 0, arrival: 0))
        }
        #expect(table.find(KeyIdentity(hash)) == nil)
        #expect(table.insert(KeyIdentity(hash), payload: 3, arrival: 0))
        #expect(table.find(KeyIdentity(hash)) == 3)
      }
      #expect(table.stashedCount == (isCrowded ? 2 : 0))
    }
  }

  @Test("at its capacity a table of random keys has hardly used its stash")
  func operatingLoad() {
    let table = BucketTable(shards: 1, geometry: TableGeometry())
    var mix = SplitMix64(seed: 3)
    for _ in 0..<table.capacity {
      let key = KeyIdentity(KeyHash(high: mix.next(), low: mix.next()))
      if !table.insert(key, payload: 0, arrival: 0) { Issue.record("full at \(table.count)") }
    }
    #expect(table.count == table.capacity)
    let spare = KeyIdentity(KeyHash(high: mix.next(), low: mix.next()))
    let isTaken = table.insert(spare, payload: 0, arrival: 0)
    #expect(!isTaken)
    #expect(table.stashedCount > 1000 && table.stashedCount < TableGeometry().stashLimit)
    #expect(table.memory.byteCount < 24 * table.count)
  }
}
