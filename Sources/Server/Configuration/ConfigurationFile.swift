internal import Yams

/// The settings of a configuration file in YAML, and what is wrong with the file itself.
///
/// A key may be written as nested mappings or with dots.
struct ConfigurationFile {
  /// A setting's text and its line.
  struct Entry {
    var text: String
    var line: Int
  }

  /// Largest file that is read, in bytes; many times what all settings need.
  static let maximumBytes = 4 << 20

  /// The texts by the settings' keys.
  private(set) var entries: [String: Entry] = [:]
  /// Unknown and repeated keys, values of the wrong shape, and syntax.
  private(set) var faults: [ConfigurationFault] = []
  /// The file's path as it was given.
  let path: String

  /// Reads a file; it never throws, since its faults are collected with all others.
  init(path: String) {
    self.path = path
    do throws(SystemCallError) {
      parse(try FileContents.read(path, limit: Self.maximumBytes))
    } catch {
      faults.append(.init(key: path, reason: error.withoutPath))
    }
  }

  private mutating func parse(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      faults.append(.init(key: path, reason: "it is not UTF-8"))
      return
    }
    do {
      guard let root = try Yams.compose(yaml: text) else { return }
      guard let mapping = root.mapping else {
        if !root.isEmptyScalar {
          faults.append(.init(key: path, reason: "it is not a mapping of settings"))
        }
        return
      }
      for (key, value) in mapping { visit(key, value, under: "") }
    } catch let error as YamlError {
      faults.append(Self.fault(of: error, path: path))
    } catch {
      faults.append(.init(key: path, reason: "it is not YAML: \(error)"))
    }
  }

  private mutating func visit(_ keyNode: Node, _ value: Node, under prefix: String) {
    let line = keyNode.mark?.line ?? 0
    guard let name = keyNode.scalar?.string else {
      refuse(prefix.isEmpty ? path : prefix, line, "a key is not text")
      return
    }
    let key = prefix.isEmpty ? name : "\(prefix).\(name)"
    if let setting = Setting.named(key) {
      take(setting, value, line)
    } else if Setting.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
      if let mapping = value.mapping {
        for (innerKey, inner) in mapping { visit(innerKey, inner, under: key) }
      } else if !value.isEmptyScalar {
        refuse(key, line, "it is a section and holds settings, not a value", found: value.text)
      }
    } else {
      let nearest = NearestName.of(key, among: Setting.all.map(\.key))
      let hint = nearest.map { "; the nearest is \($0)" } ?? ""
      refuse(key, line, "there is no such setting" + hint, found: value.text)
    }
  }

  private mutating func take(_ setting: Setting, _ value: Node, _ line: Int) {
    if let earlier = entries[setting.key] {
      refuse(setting.key, line, "it is given before, in line \(earlier.line)")
      return
    }
    // As a section with nothing in it.
    if setting.shape == .table, value.isEmptyScalar { return }
    let text: String?
    switch setting.shape {
    case .scalar: text = value.isEmptyScalar ? nil : value.scalar?.string
    case .list:
      text =
        value.sequence.map { items in items.map { $0.text ?? "" }.joined(separator: ",") }
        ?? (value.isEmptyScalar ? nil : value.scalar?.string)
    case .table: text = value.mapping == nil ? value.text : try? Yams.serialize(node: value)
    }
    guard let text else {
      let reason = value.isEmptyScalar ? "it has no value" : "it has more than one value"
      refuse(setting.key, line, reason, allowed: setting.allowed)
      return
    }
    entries[setting.key] = Entry(text: text, line: line)
  }

  private mutating func refuse(
    _ key: String, _ line: Int, _ reason: String, found: String? = nil, allowed: String? = nil
  ) {
    // An unknown key may be a misspelled one whose value holds a password.
    let found = found.map(DatabaseFormat.masked)
    faults.append(
      .init(
        key: key, found: found, origin: .file(path: path, line: line), reason: reason,
        allowed: allowed))
  }

  private static func fault(of error: YamlError, path: String) -> ConfigurationFault {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return .init(
        key: path, origin: .file(path: path, line: mark.line),
        reason: "it is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      return .init(
        key: path, origin: .file(path: path, line: context.mark.line),
        reason: "a mapping has twice: \(duplicates.joined(separator: ", "))")
    default:
      return .init(key: path, reason: "it is not YAML: \(error)")
    }
  }
}

extension Node {
  /// Whether nothing stands at the key: an empty plain scalar, or a null of YAML.
  fileprivate var isEmptyScalar: Bool {
    guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null"].contains(scalar.string)
  }

  /// The text of a scalar, or nil.
  fileprivate var text: String? { isEmptyScalar ? nil : scalar?.string }
}
