import Dedup
import Wire

/// The names that a ledger knows, and what it knows of each.
struct LedgerNames: ~Copyable {
  /// What is known of a tenant.
  struct Tenant {
    /// The earliest hour that usage was accepted for or booked in; `Int32.max` before the first.
    var firstHour: Int32 = .max
    /// The last finalized period; nil while there is none.
    var finalized: BillingPeriod?
    /// The first millisecond that is not finalized; `Int64.min` while nothing is. What is late is
    /// booked in the period that begins there.
    var openFrom: Int64 = .min

    /// The index of the hour in which late usage is booked.
    var booking: Int32 { Int32(truncatingIfNeeded: openFrom / Hour.milliseconds) }

    /// Takes a period as finalized.
    mutating func finalize(_ period: PeriodBounds) {
      finalized = period.period
      openFrom = period.end.start.milliseconds
    }
  }

  /// What is known of an operation.
  struct Operation {
    /// The keyed hash of its name.
    let hash: UInt64
    let schedule: WeightSchedule
  }

  /// The name of the context that takes the place of contexts beyond a tenant's limit.
  static let overflowContext = "(overflow)"

  var tenantNames: NameTable
  var tenants: [Tenant] = []
  /// The scope of each tenant's keys.
  var scopes: [TenantScope] = []
  var operationNames: NameTable
  var operations: [Operation] = []
  /// Context names; the first byte is the type.
  var contextNames: NameTable
  /// The keyed hash of each context name.
  var contextHashes: [UInt64] = []
  var tenantContexts: TenantContexts
  /// The number of the context of records without one.
  let noContext: UInt32
  /// The number of the overflow context.
  let overflow: UInt32

  private var recentTenants: RecentNames
  private var recentOperations: RecentNames
  private var recentContexts: RecentNames
  private let hasher: KeyHasher
  private let weights: WeightTable
  private let places: IntegerHash

  init(configuration: LedgerConfiguration, hasher: KeyHasher) {
    self.hasher = hasher
    weights = configuration.weights
    tenantNames = NameTable(limit: configuration.maximumTenants)
    operationNames = NameTable(limit: configuration.maximumOperations)
    contextNames = NameTable(limit: configuration.maximumContexts)
    tenantContexts = TenantContexts(
      limitPerTenant: configuration.contextsPerTenant,
      limit: configuration.maximumContexts * 4, seed: hasher.word([], tail: 0))
    let places = IntegerHash(seed: hasher.word([], tail: 1))
    self.places = places
    recentTenants = RecentNames(hash: places)
    recentOperations = RecentNames(hash: places)
    recentContexts = RecentNames(hash: places)
    precondition(
      contextNames.limit >= 2,
      "BUG: the limit of contexts leaves no room for the ledger's own two")
    (noContext, overflow) = (0, 1)
    for name in ["", Self.overflowContext] {
      let bytes = [ContextType.other.rawValue] + Array(name.utf8)
      _ = context(bytes.span.raw)
    }
  }

  /// The number of a tenant, made when it is new; nil at the limit.
  mutating func tenant(_ name: RawSpan) -> UInt32? {
    guard let id = tenantNames.intern(name, hash: places(name)) else { return nil }
    if Int(id) == tenants.count {
      tenants.append(Tenant())
      scopes.append(hasher.scope(tenant: name))
    }
    return id
  }

  /// The number of an operation, made when it is new; nil at the limit.
  mutating func operation(_ name: RawSpan) -> UInt32? {
    guard let id = operationNames.intern(name, hash: places(name)) else { return nil }
    if Int(id) == operations.count {
      operations.append(
        Operation(
          hash: hasher.word(of: name), schedule: weights.schedule(forOperation: name)))
    }
    return id
  }

  /// The number of a context, given as its type byte and name, made when it is new; nil at the
  /// limit.
  mutating func context(_ typedName: RawSpan) -> UInt32? {
    guard let id = contextNames.intern(typedName, hash: places(typedName)) else { return nil }
    if Int(id) == contextHashes.count { contextHashes.append(hasher.word(of: typedName)) }
    return id
  }

  /// The number of a tenant of a frame, made when it is new; nil at the limit.
  ///
  /// The name is asked for only where its key does not say enough.
  @inline(__always)
  mutating func tenant(_ key: NameKey, in column: borrowing NameColumn, _ entry: Int) -> UInt32? {
    if let id = recentTenants.find(key),
      key.isWhole || tenantNames.isName(id, column.name(entry))
    {
      return id
    }
    let id = tenant(column.name(entry))
    if let id { recentTenants.note(key, id) }
    return id
  }

  /// The number of an operation of a frame, made when it is new; nil at the limit.
  @inline(__always)
  mutating func operation(
    _ key: NameKey, in column: borrowing NameColumn, _ entry: Int
  ) -> UInt32? {
    if let id = recentOperations.find(key),
      key.isWhole || operationNames.isName(id, column.name(entry))
    {
      return id
    }
    let id = operation(column.name(entry))
    if let id { recentOperations.note(key, id) }
    return id
  }

  /// The number of a context of a frame, made when it is new; nil at the limit.
  @inline(__always)
  mutating func context(_ key: NameKey, in column: borrowing NameColumn, _ entry: Int) -> UInt32? {
    if let id = recentContexts.find(key),
      key.isWhole || contextNames.isName(id, column.typedName(entry))
    {
      return id
    }
    let id = context(column.typedName(entry))
    if let id { recentContexts.note(key, id) }
    return id
  }

  /// The number of a known tenant.
  func knownTenant(_ name: String) -> UInt32? {
    let bytes = Array(name.utf8)
    return tenantNames.find(bytes.span.raw, hash: places(bytes.span.raw))
  }

  func weight(ofOperation id: UInt32, at time: Int64) -> Int64 {
    weights.weight(in: operations[Int(id)].schedule, at: time)
  }

  /// What usage a rollup key stands for.
  func subject(of key: RollupKey) -> UsageSubject {
    let context = contextNames.bytes(of: key.context)
    let type = context.byteCount > 0 ? context.byte(at: 0) : 0
    let name = context.extracting(droppingFirst: 1)
    guard let kind = UsageKind(rawValue: key.kind), let contextType = ContextType(rawValue: type)
    else { preconditionFailure("BUG: a rollup of kind \(key.kind) and context type \(type)") }
    return UsageSubject(
      tenant: tenantNames.name(of: key.tenant), kind: kind,
      operation: operationNames.name(of: key.operation), contextType: contextType,
      context: unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) })
  }

  /// Takes the context of a key for its tenant.
  ///
  /// No context and the overflow context are not counted: there is always room for them.
  ///
  /// - Returns: false if the tenant may have no more contexts.
  mutating func admitContext(of key: RollupKey) -> Bool {
    if key.context == noContext || key.context == overflow { return true }
    return tenantContexts.admit(tenant: key.tenant, context: key.context)
  }

  /// Notes that a row with this key was begun.
  mutating func noteUsage(_ key: RollupKey) {
    let hour = key.booking == RollupKey.notLate ? key.hour : key.booking
    tenants[Int(key.tenant)].firstHour = min(tenants[Int(key.tenant)].firstHour, hour)
  }

  /// What is known of every tenant's periods, ascending by the bytes of the name.
  func snapshot() -> [LedgerSnapshot.Tenant] { numberedSnapshot().map(\.tenant) }

  /// The same, with the number of each.
  func numberedSnapshot() -> [(id: UInt32, tenant: LedgerSnapshot.Tenant)] {
    tenants.indices.map { index in
      let (id, state) = (UInt32(truncatingIfNeeded: index), tenants[index])
      let tenant = LedgerSnapshot.Tenant(
        name: tenantNames.name(of: id),
        firstHour: state.firstHour == .max ? nil : Hour(index: state.firstHour),
        finalized: state.finalized.map {
          LedgerSnapshot.Finalized(period: $0, openFrom: Hour(index: state.booking))
        })
      return (id, tenant)
    }.sorted { $0.tenant.name.utf8.lexicographicallyPrecedes($1.tenant.name.utf8) }
  }

  /// Takes over what a snapshot knows of a tenant.
  mutating func restore(_ tenant: LedgerSnapshot.Tenant) {
    let bytes = Array(tenant.name.utf8)
    guard let id = self.tenant(bytes.span.raw) else { return }
    tenants[Int(id)].firstHour = tenant.firstHour?.index ?? .max
    guard let finalized = tenant.finalized else { return }
    tenants[Int(id)].finalized = finalized.period
    tenants[Int(id)].openFrom = finalized.openFrom.start.milliseconds
  }
}
