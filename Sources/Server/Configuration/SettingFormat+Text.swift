internal import EventLoop

/// One of a few words.
struct ChoiceFormat<Choice>: SettingFormat
where
  Choice: RawRepresentable<String> & CaseIterable & Sendable & Equatable
{
  var type: String { "word" }

  var allowed: String {
    "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
  }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> Choice {
    guard let choice = Choice(rawValue: text) else { throw .notAllowed }
    return choice
  }

  func text(_ value: Choice) -> String { value.rawValue }
}

/// The path of a file or directory, made absolute.
struct PathFormat: SettingFormat {
  var type: String { "path" }
  var allowed: String { "a path" }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> String {
    guard !text.isEmpty, !text.utf8.contains(0) else { throw .notAllowed }
    var path = text.hasPrefix("/") ? text : "\(directory)/\(text)"
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  func text(_ value: String) -> String { value }
}

/// A value of another format, or one word for its absence.
struct OptionalFormat<Wrapped: SettingFormat>: SettingFormat {
  /// The word for nil.
  let absence: String
  let wrapped: Wrapped

  var type: String { wrapped.type }
  var allowed: String { "\"\(absence)\", or \(wrapped.allowed)" }

  func parse(
    _ text: String, relativeTo directory: String
  ) throws(SettingMismatch) -> Wrapped.Value? {
    text == absence ? nil : try wrapped.parse(text, relativeTo: directory)
  }

  func text(_ value: Wrapped.Value?) -> String { value.map(wrapped.text) ?? absence }

  func shown(_ text: String) -> String { wrapped.shown(text) }
}

/// Addresses to listen on, or `off` for none.
struct AddressesFormat: SettingFormat {
  var type: String { "addresses" }

  var allowed: String {
    "\"off\", or numeric addresses with ports, such as 127.0.0.1:4040 or [::1]:4040, "
      + "as a list or separated by commas"
  }

  var shape: SettingShape { .list }

  func parse(
    _ text: String, relativeTo directory: String
  ) throws(SettingMismatch) -> [SocketAddress] {
    if text == "off" { return [] }
    var addresses: [SocketAddress] = []
    var faults: [SettingMismatch.Item] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let trimmed = part.drop { $0 == " " }
      guard let address = SocketAddress(String(trimmed)) else {
        faults.append(.init(found: String(trimmed)))
        continue
      }
      if address.port != 0, addresses.contains(address) {
        faults.append(.init(found: "\(address)", reason: "it is there twice"))
      }
      addresses.append(address)
    }
    guard faults.isEmpty else { throw SettingMismatch(items: faults) }
    return addresses
  }

  func text(_ value: [SocketAddress]) -> String {
    value.isEmpty ? "off" : value.map(\.description).joined(separator: ",")
  }
}
