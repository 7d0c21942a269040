internal import Dedup
internal import EventLoop

extension LoadedConfiguration {
  /// Rows that one partition must be able to keep for Postgres.
  static let leastRows = 1_000

  /// Checks what settings demand of each other, among those that are valid by themselves.
  mutating func checkRelations(physicalMemory: Int) -> [ConfigurationFault] {
    var faults: [ConfigurationFault] = []
    faults += checkWindow()
    faults += checkAddresses()
    faults += checkMemory(physicalMemory)
    faults += checkShares()
    if isValid("ingest.maximumFrame", "ingest.receiveBuffer"),
      configuration.ingest.receiveBuffer < configuration.ingest.maximumFrame
    {
      faults.append(
        fault("ingest.receiveBuffer", atLeast: named("ingest.maximumFrame")))
    }
    let rows = configuration.ingest.partitions * Self.leastRows
    if isValid("ingest.partitions", "flush.maximumRows"), configuration.flush.maximumRows < rows {
      let least = "\(rows) rows, which is \(Self.leastRows) for each partition: "
      faults.append(fault("flush.maximumRows", atLeast: least + named("ingest.partitions")))
    }
    let operations = WeightsFormat.operationCount(configuration.weights)
    if isValid("weights", "limits.operations"), operations > configuration.limits.operations {
      let reason = "weights names \(operations) operations"
      faults.append(fault("limits.operations", reason, allowed: "at least that number"))
    }
    faults += checkJobs()
    warnAboutLog()
    return faults
  }

  /// A period cannot be finalized before its hours are closed.
  private func checkJobs() -> [ConfigurationFault] {
    guard isValid("jobs.finalize", "jobs.finalizeAfter", "hours.closeGrace") else { return [] }
    let jobs = configuration.jobs
    guard jobs.finalize != nil, jobs.finalizeAfter < configuration.hours.closeGrace else {
      return []
    }
    return [fault("jobs.finalizeAfter", atLeast: named("hours.closeGrace"))]
  }

  private func checkWindow() -> [ConfigurationFault] {
    guard isValid("dedup.window", "acceptance.back", "acceptance.ahead") else { return [] }
    let acceptance = configuration.acceptance
    let least = acceptance.back + acceptance.ahead
    guard configuration.dedup.window < least else { return [] }
    let terms = "\(named("acceptance.back")) plus \(named("acceptance.ahead"))"
    return [fault("dedup.window", atLeast: "\(least.text), which is \(terms)")]
  }

  private mutating func checkAddresses() -> [ConfigurationFault] {
    var faults: [ConfigurationFault] = []
    let ingest = configuration.ingest
    if isValid("ingest.udp", "ingest.tcp"), ingest.udp.isEmpty, ingest.tcp.isEmpty {
      let reason = "ingest.tcp is off too, so that nothing could be received"
      faults.append(fault("ingest.udp", reason, allowed: "an address for one of the two"))
    }
    guard isValid("authentication.mode", "authentication.keysFile") else { return faults }
    switch configuration.authentication.mode {
    case .none:
      for (key, addresses) in [("ingest.udp", ingest.udp), ("ingest.tcp", ingest.tcp)] {
        let open = addresses.filter { !$0.isLoopback }
        guard isValid(key), !open.isEmpty else { continue }
        let list = open.map(\.description).joined(separator: ", ")
        let reason =
          "\(list) can be reached from other machines, and \(named("authentication.mode"))"
        let allowed = "loopback addresses, or any with authentication.mode required"
        faults.append(fault(key, reason, allowed: allowed))
      }
      if configuration.authentication.keysFile != nil {
        warn("authentication.keysFile", "it has no effect: \(named("authentication.mode"))")
      }
    case .required:
      if configuration.authentication.keysFile == nil {
        let reason = "\(named("authentication.mode")), which needs keys"
        faults.append(fault("authentication.keysFile", reason, allowed: "the path of a keys file"))
      }
    }
    return faults
  }

  /// Memory that someone chose and that is not there is a fault; the default must start anywhere.
  private mutating func checkMemory(_ physicalMemory: Int) -> [ConfigurationFault] {
    let key = "dedup.maximumMemory"
    guard isValid(key), configuration.dedup.maximumMemory > physicalMemory else { return [] }
    let reason = "this machine has \(physicalMemory >> 20)MiB of memory"
    if origin(of: key) == .standard {
      warn(key, reason)
      return []
    }
    return [fault(key, reason, allowed: "at most that, with room for the rest of the service")]
  }

  /// Every partition has its share of memory and disk for keys, and needs a least one.
  private func checkShares() -> [ConfigurationFault] {
    guard isValid("ingest.partitions") else { return [] }
    let partitions = configuration.ingest.partitions
    let shares = [
      ("dedup.maximumMemory", configuration.dedup.maximumMemory, DedupLimits.leastMemory),
      ("dedup.maximumDisk", configuration.dedup.maximumDisk, DedupLimits.leastDisk),
    ]
    return shares.compactMap { key, bytes, least in
      guard isValid(key), bytes / partitions < least else { return nil }
      let each = "\(ByteSize.text(least)) for each partition: \(named("ingest.partitions"))"
      return fault(key, atLeast: "\(ByteSize.text(least * partitions)), which is \(each)")
    }
  }

  private mutating func warnAboutLog() {
    let log = configuration.log
    let partitions = configuration.ingest.partitions
    if isValid("log.diskReserve", "log.segmentSize", "ingest.partitions"),
      log.diskReserve < log.segmentSize * partitions
    {
      let times = partitions > 1 ? ", once for each of \(partitions) partitions" : ""
      warn(
        "log.diskReserve",
        "the disk may be full before the next segment is allocated: "
          + named("log.segmentSize") + times)
    }
  }

  /// Warns of variables with our prefix that are no settings.
  ///
  /// They are no faults, because others set such names too: Kubernetes gives every container
  /// WEIGHBRIDGE_SERVICE_HOST where a service is called weighbridge.
  mutating func warnAboutEnvironment(_ environment: [String: String]) {
    let prefix = Setting.environmentPrefix
    let known = Setting.all.map { String($0.environmentName.dropFirst(prefix.count)) }
    for name in environment.keys.sorted() where name.hasPrefix(prefix) {
      let suffix = String(name.dropFirst(prefix.count))
      guard !known.contains(suffix), let nearest = NearestName.of(suffix, among: known) else {
        continue
      }
      let reason = "there is no such variable; the nearest is \(prefix)\(nearest)"
      warnings.append(.init(key: name, reason: reason))
    }
  }

  private func isValid(_ keys: String...) -> Bool { invalidKeys.isDisjoint(with: keys) }

  private func valueText(_ key: String) -> String {
    Setting.named(key)?.summary(configuration) ?? ""
  }

  /// A setting of a relation: `acceptance.back is 35d (default)`.
  private func named(_ key: String) -> String {
    "\(key) is \(valueText(key)) (\(origin(of: key)))"
  }

  private func fault(_ key: String, atLeast least: String) -> ConfigurationFault {
    .init(
      key: key, found: valueText(key), origin: origin(of: key), allowed: "at least \(least)")
  }

  private func fault(_ key: String, _ reason: String, allowed: String) -> ConfigurationFault {
    .init(
      key: key, found: valueText(key), origin: origin(of: key), reason: reason, allowed: allowed)
  }

  private mutating func warn(_ key: String, _ reason: String) {
    warnings.append(
      .init(key: key, found: valueText(key), origin: origin(of: key), reason: reason))
  }
}
