import Wire

/// The names that a block refers to by number, so that every block can be read alone.
struct UsageBlockNames: ~Copyable {
  var tenants = NameList()
  var operations = NameList()
  /// Context names; the type of each is its first byte.
  var contexts = NameList()
  var sources = NameList()
  private var tenantNumbers = BlockNumbers()
  private var operationNumbers = BlockNumbers()
  private var contextNumbers = BlockNumbers()
  private var sourceNumbers = BlockNumbers()

  init() {}

  /// The ledger's numbers of the tenants in the block.
  var tenantMembers: [UInt32] { tenantNumbers.members }

  /// The block's number of a tenant of the ledger.
  mutating func tenant(_ id: UInt32, _ table: borrowing NameTable) -> UInt32 {
    let (number, isNew) = tenantNumbers.number(of: id)
    if isNew { tenants.append(table.bytes(of: id)) }
    return number
  }

  /// The block's number of an operation of the ledger.
  mutating func operation(_ id: UInt32, _ table: borrowing NameTable) -> UInt32 {
    let (number, isNew) = operationNumbers.number(of: id)
    if isNew { operations.append(table.bytes(of: id)) }
    return number
  }

  /// The block's number of a context of the ledger.
  mutating func context(_ id: UInt32, _ table: borrowing NameTable) -> UInt32 {
    let (number, isNew) = contextNumbers.number(of: id)
    if isNew { contexts.append(table.bytes(of: id)) }
    return number
  }

  /// The block's number of a source, given its serial number in the ledger and its name.
  mutating func source(_ serial: UInt32, name: RawSpan) -> UInt32 {
    let (number, isNew) = sourceNumbers.number(of: serial)
    if isNew { sources.append(name) }
    return number
  }

  /// Bytes of all names.
  var byteCount: Int {
    tenants.bytes.count + operations.bytes.count + contexts.bytes.count + sources.bytes.count
  }

  /// Whether every name may be asked for, after decoding.
  var areComplete: Bool {
    tenants.isComplete && operations.isComplete && contexts.isComplete && sources.isComplete
  }

  /// Whether every name has a length that admission allows.
  var areWithinLimits: Bool {
    let longest = UInt16(NameTable.maximumNameLength)
    return tenants.lengths.allSatisfy { (1..<longest).contains($0) }
      && operations.lengths.allSatisfy { (1..<longest).contains($0) }
      && contexts.lengths.allSatisfy { (1...longest).contains($0) }
      && sources.lengths.allSatisfy { (1..<longest).contains($0) }
  }

  mutating func removeAll() {
    tenants.removeAll()
    operations.removeAll()
    contexts.removeAll()
    sources.removeAll()
    tenantNumbers.removeAll()
    operationNumbers.removeAll()
    contextNumbers.removeAll()
    sourceNumbers.removeAll()
  }
}

/// Names in the order of their numbers, one behind the other.
struct NameList: Sendable {
  /// Up to 255, of a context up to 256 with its type.
  private(set) var lengths: [UInt16] = []
  private(set) var bytes: [UInt8] = []
  private var starts: [Int] = []

  var count: Int { lengths.count }

  init() {}

  init(lengths: [UInt16], content: RawSpan) {
    self.lengths = lengths
    bytes.append(content)
    starts.reserveCapacity(lengths.count)
    var start = 0
    for length in lengths {
      starts.append(start)
      start += Int(length)
    }
  }

  /// Whether the lengths add up to the bytes; only then a name may be asked for.
  var isComplete: Bool {
    let last = starts.last ?? 0
    return last + Int(lengths.last ?? 0) == bytes.count
  }

  mutating func append(_ name: RawSpan) {
    starts.append(bytes.count)
    lengths.append(UInt16(truncatingIfNeeded: name.byteCount))
    bytes.append(name)
  }

  @_lifetime(borrow self)
  func name(_ number: Int) -> RawSpan {
    bytes.span.raw.extracting(starts[number]..<starts[number] + Int(lengths[number]))
  }

  mutating func removeAll() {
    lengths.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
  }
}

/// The numbers that the names of a ledger have in the open block.
struct BlockNumbers: ~Copyable {
  private var numbers: [UInt32] = []
  /// The ledger's numbers of the names in the block, in the order of the block's numbers.
  private(set) var members: [UInt32] = []

  /// The number in the block, and whether the name is new there.
  mutating func number(of id: UInt32) -> (number: UInt32, isNew: Bool) {
    let place = Int(id)
    if place >= numbers.count {
      numbers.append(contentsOf: repeatElement(.max, count: place + 1 - numbers.count))
    }
    if numbers[place] != .max { return (numbers[place], false) }
    let number = UInt32(truncatingIfNeeded: members.count)
    numbers[place] = number
    members.append(id)
    return (number, true)
  }

  mutating func removeAll() {
    for id in members { numbers[Int(id)] = .max }
    members.removeAll(keepingCapacity: true)
  }
}
