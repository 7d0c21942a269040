/// The ledger's numbers of the names in a block.
struct ResolvedNames: ~Copyable {
  var tenants: [UInt32] = []
  var operations: [UInt32] = []
  var contexts: [UInt32] = []

  /// Gives every name of a block its number in the ledger.
  ///
  /// - Throws: `RecoveryError.limitBelowLog` if the ledger may not know that many names.
  mutating func resolve(
    _ block: borrowing UsageBlockNames, in names: inout LedgerNames,
    configuration: LedgerConfiguration
  ) throws(RecoveryError) {
    tenants.removeAll(keepingCapacity: true)
    operations.removeAll(keepingCapacity: true)
    contexts.removeAll(keepingCapacity: true)
    for number in 0..<block.tenants.count {
      guard let id = names.tenant(block.tenants.name(number)) else {
        throw .limitBelowLog(setting: "limits.tenants", limit: configuration.maximumTenants)
      }
      tenants.append(id)
    }
    for number in 0..<block.operations.count {
      let name = block.operations.name(number)
      guard let id = names.operation(name) else {
        throw .limitBelowLog(setting: "limits.operations", limit: configuration.maximumOperations)
      }
      operations.append(id)
    }
    for number in 0..<block.contexts.count {
      let name = block.contexts.name(number)
      guard let id = names.context(name) else {
        throw .limitBelowLog(setting: "limits.contexts", limit: configuration.maximumContexts)
      }
      contexts.append(id)
    }
  }
}
