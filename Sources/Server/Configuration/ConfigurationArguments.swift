/// The settings among the arguments of a command, and what is wrong with them.
///
/// Each is `--name VALUE` or `--name=VALUE`.
struct ConfigurationArguments {
  /// The texts by the settings' keys.
  private(set) var texts: [String: String] = [:]
  /// Unknown and repeated names, and missing values.
  private(set) var faults: [ConfigurationFault] = []

  /// Reads the arguments that are not options of the command itself.
  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--") else {
        faults.append(.init(key: argument, reason: "it belongs to no argument"))
        continue
      }
      let name = String(argument.prefix { $0 != "=" })
      var value: String?
      if argument != name {
        value = String(argument.dropFirst(name.count + 1))
      } else if let next = rest.first, !next.hasPrefix("--") {
        value = rest.removeFirst()
      }
      take(name, value)
    }
  }

  private mutating func take(_ name: String, _ value: String?) {
    guard let setting = Setting.all.first(where: { $0.argumentName == name }) else {
      let nearest = NearestName.of(name, among: Setting.all.map(\.argumentName))
      let hint = nearest.map { "; the nearest is \($0)" } ?? ""
      faults.append(
        .init(
          key: name, found: value.map(DatabaseFormat.masked),
          reason: "there is no such argument" + hint))
      return
    }
    guard let value else {
      faults.append(
        .init(
          key: setting.key, origin: .argument(name: name), reason: "it has no value",
          allowed: setting.allowed))
      return
    }
    guard texts.updateValue(value, forKey: setting.key) == nil else {
      faults.append(
        .init(key: setting.key, origin: .argument(name: name), reason: "it is given twice"))
      return
    }
  }
}
