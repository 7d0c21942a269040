import Server
import Wire

/// The state of a service for people.
enum StatusText {
  /// All of it in lines.
  static func text(_ status: ServiceStatus) -> String {
    var facts = Facts()
    facts.add("state", status.isReady ? "ready: usage is taken" : "NOT READY: usage is not taken")
    for concern in status.concerns { facts.add("concern", concern) }
    facts.add("process", "\(status.process), since \(status.started)")
    facts.add("data", "\(status.dataDirectory), installation \(status.installation)")
    facts.add("time", status.time)
    addIngest(status.ingest, to: &facts)
    addVerdicts(status.verdicts, to: &facts)
    addSources(status.sources, to: &facts)
    let log = status.log
    facts.add(
      "log",
      "position \(NumberText.grouped(log.position)), synced \(NumberText.grouped(log.synced)), "
        + "\(NumberText.count(log.segments, "segment")), \(NumberText.bytes(log.bytes)), "
        + NumberText.count(log.syncs, "sync"))
    facts.add(
      "disk",
      "\(NumberText.bytes(log.diskFree)) free, reserve \(NumberText.bytes(log.diskReserve))")
    add(status.dedup, to: &facts)
    let flush = status.flush
    facts.add(
      "Postgres",
      "\(flush.isPrivate ? "private" : "configured"), "
        + "position \(NumberText.grouped(flush.position)), "
        + "\(NumberText.count(flush.unflushedEntries, "entry", "entries")) and "
        + "\(NumberText.count(flush.unflushedRows, "row")) not flushed, "
        + "\(NumberText.count(flush.committed, "flush", "flushes")) of "
        + NumberText.count(flush.rows, "row"))
    facts.add(
      "hours",
      "closed through \(status.hours.closedThrough ?? "none"), in Postgres through "
        + (status.hours.flushedThrough ?? "none"))
    facts.add(
      "jobs",
      "\(NumberText.grouped(status.jobs.waiting)) waiting, "
        + "\(NumberText.grouped(status.jobs.running)) running, "
        + "\(NumberText.grouped(status.jobs.failed)) failed"
        + (status.jobs.lastError.map { "; not asked: \($0)" } ?? ""))
    if status.partitions.count > 1 {
      for partition in status.partitions { add(partition, to: &facts) }
    }
    return facts.text
  }

  private static func add(_ dedup: ServiceStatus.Dedup, to facts: inout Facts) {
    facts.add(
      "keys",
      "\(NumberText.grouped(dedup.keys)) of \(NumberText.grouped(dedup.capacity)) "
        + "(\(dedup.boundBy)), \(NumberText.grouped(dedup.keysPerSecond)) new a second"
        + (dedup.secondsLeft.map { ", full in \(Duration.seconds($0).text)" } ?? "")
        + (dedup.horizon.map { ", complete from \($0)" } ?? ""))
    facts.add(
      "key index",
      "\(NumberText.bytes(dedup.bytes)), \(NumberText.tenths(dedup.bytesPerKey)) bytes a key, "
        + "load \(NumberText.percent(dedup.load)), "
        + "\(NumberText.count(dedup.generations, "generation")), "
        + "\(NumberText.count(dedup.runs, "run")) with \(NumberText.grouped(dedup.sealedKeys)) "
        + "keys in \(NumberText.bytes(dedup.diskBytes)), filter lets "
        + "\(NumberText.percent(dedup.falsePositiveRate)) through")
  }

  private static func add(_ partition: ServiceStatus.Partition, to facts: inout Facts) {
    facts.add(
      "part \(partition.number)",
      "position \(NumberText.grouped(partition.position)), "
        + "synced \(NumberText.grouped(partition.synced)), "
        + "\(NumberText.count(partition.keys, "key")), "
        + "\(NumberText.count(partition.unflushedEntries, "entry", "entries")) and "
        + "\(NumberText.count(partition.unflushedRows, "row")) not flushed, "
        + "\(NumberText.bytes(partition.queuedBytes)) wait for its writer")
  }

  private static func addIngest(_ ingest: ServiceStatus.Ingest, to facts: inout Facts) {
    facts.add("udp", ingest.udp.isEmpty ? "off" : ingest.udp.joined(separator: ", "))
    facts.add(
      "tcp",
      ingest.tcp.isEmpty
        ? "off"
        : ingest.tcp.joined(separator: ", ")
          + ", \(NumberText.count(ingest.connections, "connection"))"
          + (ingest.refusedConnections > 0
            ? ", \(NumberText.grouped(ingest.refusedConnections)) refused" : "")
          + (ingest.cutConnections.isEmpty ? "" : ", cut: \(counts(ingest.cutConnections))"))
    facts.add(
      "frames",
      "\(NumberText.grouped(ingest.frames)), \(NumberText.bytes(ingest.bytes)), "
        + "\(NumberText.count(ingest.heartbeats, "heartbeat")), kernel drops "
        + "\(NumberText.grouped(ingest.kernelDrops)), dropped answers "
        + NumberText.grouped(ingest.droppedAnswers))
    if !ingest.invalidFrames.isEmpty { facts.add("invalid", counts(ingest.invalidFrames)) }
  }

  private static func addVerdicts(_ verdicts: ServiceStatus.Verdicts, to facts: inout Facts) {
    facts.add(
      "batches",
      "\(NumberText.grouped(verdicts.batches)) judged, "
        + "\(NumberText.grouped(verdicts.resent)) resent"
        + (verdicts.refused.isEmpty ? "" : ", refused: \(counts(verdicts.refused))"))
    let records = Verdict.allCases.map {
      "\(NumberText.grouped(verdicts.records[$0.name] ?? 0)) \($0.name)"
    }
    facts.add("records", records.joined(separator: ", "))
    if !verdicts.rejected.isEmpty { facts.add("rejected", counts(verdicts.rejected)) }
    if verdicts.overflowed > 0 {
      let records = NumberText.count(verdicts.overflowed, "record")
      facts.add("overflow", "\(records) in the overflow context")
    }
  }

  private static func addSources(_ sources: ServiceStatus.Sources, to facts: inout Facts) {
    facts.add(
      "sources",
      "\(NumberText.grouped(sources.known)) known, "
        + "\(NumberText.grouped(sources.withGaps)) with gaps")
    for gaps in sources.gaps {
      let more = gaps.through > gaps.first ? " to \(gaps.through)" : ""
      facts.add(
        "gap",
        "\(gaps.source), epoch \(gaps.epoch): "
          + "\(NumberText.count(gaps.missing, "batch", "batches")) not received, first "
          + "\(gaps.first)\(more)")
    }
    let unnamed = sources.withGaps - sources.gaps.count
    if unnamed > 0 { facts.add("gap", "\(NumberText.count(unnamed, "more source"))") }
  }

  /// Numbers by name: `wrong_tag 3, unknown_key 1`.
  static func counts(_ numbers: [String: UInt64]) -> String {
    numbers.sorted { $0.key < $1.key }.map { "\($0.key) \(NumberText.grouped($0.value))" }
      .joined(separator: ", ")
  }
}
