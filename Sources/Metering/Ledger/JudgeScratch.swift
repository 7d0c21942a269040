import Dedup
import Wire

/// Room for the stages of one group, kept from group to group.
struct JudgeScratch: ~Copyable {
  /// What is decided of one frame of the group.
  struct Frame {
    var disposition: BatchOutcome.Disposition
    /// The place of its source, −1 if it has none.
    var source: Int
    /// The receipt that is repeated.
    var receipt: Receipt?
  }

  /// What is known of a name of the group.
  struct Name {
    /// Its number in the ledger, ``none`` beyond the limit.
    var id: UInt32 = JudgeScratch.none
    /// Its keyed hash.
    var hash: UInt64 = 0
    /// Its number in the block, ``none`` until a record needs it.
    var inBlock: UInt32 = JudgeScratch.none
  }

  static let none = UInt32.max

  var frames: [Frame] = []
  var tenants: [Name] = []
  var operations: [Name] = []
  var contexts: [Name] = []
  var hashes: [KeyHash] = []
  var payloads: [UInt16] = []
  var requests: [UInt8] = []
  var answers: [UInt8] = []
  /// 0, or the verdict's code of a record that cannot become accepted.
  var codes: [UInt8] = []
  /// The rollup key of each new record, and the row that it had before the group.
  var keys: [RollupKey] = []
  var slots: [UInt32] = []
  /// The next new record's place among the keys.
  var nextKey = 0
  /// Bytes of a context name behind its type.
  var typedName: [UInt8] = []

  mutating func prepare(records: Int, tenants: Int, operations: Int, contexts: Int) {
    if hashes.count < records {
      let more = records - hashes.count
      hashes.append(contentsOf: repeatElement(KeyHash(high: 0, low: 0), count: more))
      payloads.append(contentsOf: repeatElement(0, count: more))
      requests.append(contentsOf: repeatElement(0, count: more))
      answers.append(contentsOf: repeatElement(0, count: more))
      codes.append(contentsOf: repeatElement(0, count: more))
      slots.append(contentsOf: repeatElement(0, count: more))
      keys.append(
        contentsOf: repeatElement(
          RollupKey(tenant: 0, operation: 0, context: 0, hour: 0, kind: 0), count: more))
    }
    Self.reset(&self.tenants, to: tenants)
    Self.reset(&self.operations, to: operations)
    Self.reset(&self.contexts, to: contexts)
  }

  /// Forgets the numbers of the names in the block that was sealed.
  mutating func forgetBlock() {
    for entry in tenants.indices { tenants[entry].inBlock = Self.none }
    for entry in operations.indices { operations[entry].inBlock = Self.none }
    for entry in contexts.indices { contexts[entry].inBlock = Self.none }
  }

  private static func reset(_ names: inout [Name], to count: Int) {
    names.removeAll(keepingCapacity: true)
    names.append(contentsOf: repeatElement(Name(), count: count))
  }
}
