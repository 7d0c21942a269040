import CanonicalLoad
import Foundation
import Glibc

/// Prints the figures of a suite, a row as soon as it is there.
struct SuiteTable {
  private static let columns: [(title: String, width: Int)] = [
    ("M rec/s", 8), ("of sink", 8), ("by cpu", 7), ("p50 ms", 8), ("p99 ms", 9), ("p99.9 ms", 9),
    ("lost %", 7), ("recv ns", 8), ("recv %", 6), ("all ns", 7),
    ("others %", 8), ("log B", 6), ("key B", 6), ("visible", 8),
  ]
  private static let nameWidth = 48

  func head(_ figures: SuiteFigures) {
    let machine = figures.machine
    say("machine  \(machine.summary)")
    if machine.fileSystem == "tmpfs" {
      say("ATTENTION: the data lies in memory, where a sync costs nothing; set TMPDIR to a disk")
    }
    if let sync = figures.sync {
      say(
        "disk     64 KiB written and synced, alone: p50 \(sync.p50.text(2)) ms, "
          + "p99 \(sync.p99.text(2)) ms, p99.9 \(sync.p999.text(2)) ms")
    }
    say("commit   \(machine.commit), \(machine.date)")
    if let sender = Cores.shared.sender, let receiver = Cores.shared.receiver {
      say("cores    sender on core \(sender), receiving thread on core \(receiver)")
    }
    say("load     1,000 tenants by Zipf's law, 3 kinds, 50 operations, 5 % duplicates,")
    say("         0.2 % conflicts, 0.5 % late; exact dedup, zstd, group fdatasync; loopback")
    say("")
    line("", Self.columns.map(\.title), "check")
  }

  func row(_ run: SuiteRun) {
    let report = run.report
    let latency = report.sender.ackMilliseconds
    let service = report.service
    line(
      report.name,
      [
        (report.sender.recordsPerSecond / 1e6).text(2),
        run.ofBaseline.map { "\(($0 * 100).text(1)) %" } ?? "",
        run.ofBaselineByProcessor.map { "\(($0 * 100).text(1)) %" } ?? "",
        latency.p50.text(2), latency.p99.text(2), latency.p999.text(2),
        report.sender.lossPercent.text(3), report.receiver.nanosecondsPerRecord.text(0),
        report.receiver.percent.text(0),
        service?.processorNanosecondsPerRecord.text(0) ?? "",
        report.othersPercent.text(0),
        service?.logBytesPerRecord.text(1) ?? "", service?.indexBytesPerKey.text(1) ?? "",
        (service?.visible).map { "\(($0.milliseconds.p99 / 1_000).text(1)) s" } ?? "",
      ], report.differences.isEmpty ? "equal" : "DIFFERS")
    for difference in report.differences { say("  \(difference)") }
  }

  func failed(_ name: String, _ reason: String) { say("\(name): FAILED: \(reason)") }

  func foot() {
    say(
      """

      sink      receiving and acking alone, on the same sockets, without an engine
      of sink   the rate as a share of the sink's with the same frames; by cpu: by the receiving
                thread's processor time for a record, which other work changes less
      p50 …     ack latency, from the sending of a batch; on a schedule from when it was due
      lost      batches that were sent again; closed loops wait for acks, so they lose little
      recv, all processor time per record: of the receiving thread, of all threads of the service;
                recv %: of its core, so that less than 95 in a closed loop says that something
                else was the limit, such as a disk that takes long to sync
      others    of one core that went elsewhere: Postgres, other work on the machine, its host
      log, key  bytes of log per record; of the key index per key (tables are made ahead of need)
      visible   99 % of the records could be read in Postgres so long after their ack
      equal     every batch acked with the right tag, sums sent = sums in Postgres, adjustments
                included, and weighbridge verify says equal
      """)
  }

  /// What handing over costs, beside one loop and one partition.
  func handOver(_ cost: HandOverCost) {
    say(
      """

      hand-over, \(cost.name)
                \((cost.several - cost.single).text(0)) ns more processor time for a record than \
      with one loop and partition: \(cost.several.text(0)) instead of \(cost.single.text(0)) in \
      all threads; \(cost.severalLog.text(1)) bytes of log instead of \(cost.singleLog.text(1))
      """)
  }

  private func line(_ name: String, _ values: [String], _ check: String) {
    var text = name + String(repeating: " ", count: max(1, Self.nameWidth - name.count))
    for (value, column) in zip(values, Self.columns) {
      text += String(repeating: " ", count: max(0, column.width - value.count)) + value + " "
    }
    say(text + " " + check)
  }

  private func say(_ text: String) {
    print(text)
    fflush(nil)
  }
}
