internal import CanonicalLoad
internal import Metering
internal import Wire

/// Finding the rows of records and adding them up.
final class FoldStage: StageBody {
  private var table = RollupTable(seed: 11)
  private let keys: [RollupKey]
  private let quantities: [Int64]
  private var slots = [UInt32](repeating: 0, count: Stage.group)
  private var group = 0

  init(_ size: Stage.Size) {
    var mix = CanonicalMix(seed: 5)
    var keys: [RollupKey] = []
    var quantities: [Int64] = []
    for _ in 0..<(size == .full ? 64 : 2) * Stage.group {
      let shape = mix.next()
      let key = RollupKey(
        tenant: UInt32(shape.tenant), operation: UInt32(shape.operation),
        context: UInt32(shape.context), hour: 492_000, kind: shape.kind.rawValue)
      _ = table.findOrInsert(key)
      keys.append(key)
      quantities.append(shape.quantity)
    }
    self.keys = keys
    self.quantities = quantities
  }

  func batch() -> Int {
    let first = group * Stage.group
    group = (group + 1) % (keys.count / Stage.group)
    let keys = keys
    let own = keys.span.extracting(first..<first + Stage.group)
    var target = slots.mutableSpan
    table.find(own, into: &target)
    for place in 0..<Stage.group {
      let quantity = quantities[first + place]
      table.add(
        slots[place], quantity: quantity, weighted: Int128(quantity), byteMilliseconds: 0,
        digest: UInt64(bitPattern: quantity))
    }
    return Stage.group
  }
}
