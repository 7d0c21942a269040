extension SourceKey {
  /// Reads a file of keys as `authentication.keysFile` names one; its mode must be 0600.
  ///
  /// - Parameter path: the file, absolute or relative to the working directory.
  /// - Throws: ``CommandFailure`` with every fault; no secret is in it.
  public static func read(file path: String) throws(CommandFailure) -> [SourceKey] {
    var loaded = LoadedConfiguration()
    loaded.configuration.authentication.mode = .required
    loaded.configuration.authentication.keysFile = path
    let faults = loaded.loadKeys()
    guard faults.isEmpty else {
      let texts = faults.map { fault in
        var place = path
        if case .file(_, let line) = fault.origin { place += " line \(line)" }
        return "\(place): \(fault.reason ?? "")"
      }
      throw CommandFailure(
        "the keys cannot be read: " + texts.joined(separator: "; "), exit: .usage)
    }
    return loaded.configuration.authentication.keys
  }
}
