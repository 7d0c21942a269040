internal import Configuration
internal import Foundation
internal import Glibc
internal import Synchronization

/// Where a configuration is read from, the strongest first: arguments, environment, file, defaults.
public struct ConfigurationSources: Sendable {
  /// The configuration file; nil for none.
  public var file: String?
  /// Arguments that are settings: `--name VALUE` or `--name=VALUE`.
  public var arguments: [String]
  /// Environment variables by name.
  public var environment: [String: String]
  /// Where relative paths of arguments and environment start.
  public var workingDirectory: String
  /// Memory of the machine in bytes, which `dedup.maximumKeys` is checked against.
  public var physicalMemory: Int

  /// The sources that are given.
  public init(
    file: String?, arguments: [String], environment: [String: String], workingDirectory: String,
    physicalMemory: Int
  ) {
    self.file = file
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.physicalMemory = physicalMemory
  }

  /// A file and arguments, with the environment and the machine of this process.
  public static func process(file: String?, arguments: [String]) -> ConfigurationSources {
    ConfigurationSources(
      file: file, arguments: arguments, environment: ProcessInfo.processInfo.environment,
      workingDirectory: FileManager.default.currentDirectoryPath,
      physicalMemory: Int(clamping: ProcessInfo.processInfo.physicalMemory))
  }
}

/// Makes the effective configuration, or names everything that is wrong with it.
public enum ConfigurationLoader {
  /// Reads and checks the whole configuration.
  ///
  /// - Parameter sources: where it is read from.
  /// - Returns: the configuration with the origin of every value and with warnings.
  /// - Throws: all faults together; none of them hides another one, except that relations between
  ///   settings are checked only among values that are valid by themselves.
  public static func load(
    _ sources: ConfigurationSources
  ) throws(ConfigurationError) -> LoadedConfiguration {
    let arguments = ConfigurationArguments(sources.arguments)
    let file = sources.file.map { ConfigurationFile(path: Self.absolute($0, sources)) }
    var result = LoadedConfiguration()
    var faults = (file?.faults ?? []) + arguments.faults

    let reporter = OriginReporter()
    let reader = ConfigReader(
      providers: [
        InMemoryProvider(name: "arguments", values: Self.values(arguments.texts)),
        EnvironmentVariablesProvider(environmentVariables: sources.environment)
          .prefixKeys(with: "weighbridge"),
        InMemoryProvider(
          name: "file", values: Self.values(file?.entries.mapValues(\.text) ?? [:])),
      ], accessReporter: reporter)
    for setting in Setting.all {
      guard let text = reader.string(forKey: ConfigKey(setting.key), isSecret: true) else {
        continue
      }
      let origin = Self.origin(of: setting, reporter.takeProvider(), file)
      result.origins[setting.key] = origin
      var directory = sources.workingDirectory
      if case .file(let path, _) = origin { directory = Self.directory(of: path) }
      do throws(SettingMismatch) {
        try setting.assign(text, directory, &result.configuration)
      } catch {
        result.invalidKeys.insert(setting.key)
        faults += error.items.map { Self.fault(setting, text, origin, $0) }
      }
    }
    faults += result.loadKeys()
    faults += result.checkRelations(physicalMemory: sources.physicalMemory)
    result.warnAboutEnvironment(sources.environment)
    guard faults.isEmpty else { throw ConfigurationError(faults: faults) }
    return result
  }

  private static func values(_ texts: [String: String]) -> [AbsoluteConfigKey: ConfigValue] {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    for (key, text) in texts {
      values[AbsoluteConfigKey(ConfigKey(key))] = ConfigValue(.string(text), isSecret: true)
    }
    return values
  }

  private static func origin(
    of setting: Setting, _ provider: Int, _ file: ConfigurationFile?
  ) -> SettingOrigin {
    switch provider {
    case 0: .argument(name: setting.argumentName)
    case 1: .environment(name: setting.environmentName)
    default: .file(path: file?.path ?? "", line: file?.entries[setting.key]?.line ?? 0)
    }
  }

  private static func fault(
    _ setting: Setting, _ text: String, _ origin: SettingOrigin, _ item: SettingMismatch.Item
  ) -> ConfigurationFault {
    let found = item.found ?? setting.shown(text)
    return ConfigurationFault(
      key: item.place.map { "\(setting.key).\($0)" } ?? setting.key,
      found: found.isEmpty && item.place != nil ? nil : found, origin: origin, reason: item.reason,
      allowed: item.reason == nil ? setting.allowed : nil)
  }

  private static func absolute(_ path: String, _ sources: ConfigurationSources) -> String {
    path.hasPrefix("/") ? path : "\(sources.workingDirectory)/\(path)"
  }

  private static func directory(of path: String) -> String {
    let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return parent.isEmpty ? "/" : parent
  }
}

/// Remembers which provider gave the last value that was read.
private final class OriginReporter: AccessReporter {
  private let provider = Mutex(0)

  // Providers are asked in order, and none after the one that has a value.
  func report(_ event: AccessEvent) {
    provider.withLock { $0 = event.providerResults.count - 1 }
  }

  func takeProvider() -> Int { provider.withLock { $0 } }
}
