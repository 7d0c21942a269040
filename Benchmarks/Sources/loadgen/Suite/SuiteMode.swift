import CanonicalLoad

/// Which loads are run together.
enum SuiteMode: String, CaseIterable, Codable {
  /// The main ones, in under three minutes.
  case quick
  /// 20 million keys in the window.
  case keys
  /// Every combination, latency below the peak, and other programs.
  case full
}

/// A load of a suite.
struct SuiteLoad {
  var name: String
  var settings: LoadSettings
  /// The name of the load without an engine that it is compared with.
  var baseline: String?
  /// The name of the same load with one loop and one partition, which hands nothing over.
  var single: String?
}

extension SuiteMode {
  /// The loads that do not depend on others.
  var loads: [SuiteLoad] {
    switch self {
    case .quick: Self.quickLoads
    case .keys: [Self.manyKeys]
    case .full: Self.fullLoads
    }
  }

  /// Shares of the peak, in percent, at which latency is measured on a schedule.
  var latencyShares: [Int] { self == .full ? [25, 50, 75] : [] }

  /// Whether latency is measured at a million records a second.
  var hasMillion: Bool { self != .keys }

  /// The load whose rate is the peak.
  static let peak = "UDP 1.4 KB, 16 B keys"

  private static var manyKeys: SuiteLoad {
    var settings = LoadSettings()
    settings.seconds = nil
    settings.records = 21_200_000
    return SuiteLoad(name: "20 million keys, UDP 1.4 KB", settings: settings)
  }

  private static var quickLoads: [SuiteLoad] {
    var loads = [sink(.udp, 1_400, .raw)]
    loads.append(load(.udp, 1_400, .raw, hmac: false, sources: 1))
    loads.append(load(.udp, 1_400, .raw, hmac: true, sources: 1))
    loads.append(load(.udp, 1_400, .text50, hmac: false, sources: 1))
    loads.append(load(.udp, 8_000, .raw, hmac: false, sources: 1))
    loads.append(load(.tcp, 8_000, .raw, hmac: false, sources: 1))
    for index in loads.indices where !loads[index].settings.sink {
      loads[index].settings.seconds = 5
    }
    return loads + handedOver([2])
  }

  /// One load with one loop and partition, and with these numbers of both.
  private static func handedOver(_ counts: [Int]) -> [SuiteLoad] {
    var settings = LoadSettings()
    // The kernel gives each source's socket to one of the loops.
    settings.sources = 16
    settings.window /= settings.sources
    settings.seconds = 5
    // Threads that share the work share the cores too.
    settings.pin = false
    let single = SuiteLoad(name: "UDP 1.4 KB, 16 sources, 1 loop x 1 partition", settings: settings)
    return [single]
      + counts.map { count in
        var several = settings
        several.service = ["ingest-loops=\(count)", "ingest-partitions=\(count)"]
        return SuiteLoad(
          name: "UDP 1.4 KB, 16 sources, \(count) loops x \(count) partitions", settings: several,
          single: single.name)
      }
  }

  private static var fullLoads: [SuiteLoad] {
    var loads: [SuiteLoad] = []
    for (transport, length) in [(Transport.udp, 1_400), (.udp, 8_000), (.tcp, 8_000)] {
      for keys in KeyForm.allCases {
        loads.append(sink(transport, length, keys))
        for sources in [1, 64] {
          for hmac in [false, true] {
            loads.append(load(transport, length, keys, hmac: hmac, sources: sources))
          }
        }
      }
    }
    return loads + handedOver([2, 4])
  }

  private static func name(_ transport: Transport, _ length: Int, _ keys: KeyForm) -> String {
    let carrier = transport == .tcp ? "TCP" : length == 1_400 ? "UDP 1.4 KB" : "UDP 8 KB"
    return carrier + (keys == .raw ? ", 16 B keys" : ", 50 B text keys")
  }

  private static func baseline(_ transport: Transport, _ length: Int, _ keys: KeyForm) -> String {
    "sink, " + name(transport, length, keys)
  }

  /// Receiving and acking alone.
  private static func sink(_ transport: Transport, _ length: Int, _ keys: KeyForm) -> SuiteLoad {
    var settings = LoadSettings()
    settings.keys = keys
    settings.transport = transport
    settings.datagramBytes = length
    settings.sink = true
    settings.window = length > 1_400 ? 256 : settings.window
    settings.seconds = 3
    return SuiteLoad(name: baseline(transport, length, keys), settings: settings)
  }

  private static func load(
    _ transport: Transport, _ length: Int, _ keys: KeyForm, hmac: Bool, sources: Int
  ) -> SuiteLoad {
    var settings = LoadSettings()
    settings.transport = transport
    settings.datagramBytes = length
    settings.keys = keys
    settings.hmac = hmac
    settings.sources = sources
    if length > 1_400 {
      settings.window = 256
      settings.frames = 1_024
    }
    // As many batches on their way as one source would have.
    settings.window /= sources == 1 ? 1 : 64
    var name = name(transport, length, keys)
    if sources > 1 { name += ", \(sources) sources" }
    if hmac { name += ", HMAC" }
    return SuiteLoad(name: name, settings: settings, baseline: baseline(transport, length, keys))
  }
}
