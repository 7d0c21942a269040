import Server

/// A checked configuration for machines.
struct ConfigurationReport: Encodable {
  let settings: [LoadedConfiguration.ShownSetting]
  let warnings: [String]
  let dedup: KeyCapacity

  init(_ loaded: LoadedConfiguration) {
    settings = loaded.settings
    warnings = loaded.warnings.map(\.description)
    dedup = loaded.keyCapacity
  }
}

/// A checked configuration for people.
enum ConfigurationText {
  /// Every setting, the warnings, and what the dedup window holds.
  static func text(_ loaded: LoadedConfiguration) -> String {
    loaded.report + "\n" + text(loaded.keyCapacity) + "\n"
  }

  /// `The dedup window holds 1,000,000,000 keys (dedup.maximumKeys): 285 new records/s for ever, …`
  private static func text(_ capacity: KeyCapacity) -> String {
    let rates = capacity.rates.map { rate in
      "\(NumberText.grouped(rate.recordsPerSecond)) new records/s for \(rate.lasting)"
    }
    return "The dedup window holds \(NumberText.count(capacity.keys, "key")) "
      + "(\(capacity.boundBy)): \(rates.joined(separator: ", "))."
  }
}
