internal import Wire

extension LoadedConfiguration {
  /// Largest keys file in bytes; room for tens of thousands of keys.
  private static let maximumKeysFile = 4 << 20

  /// Reads the keys file, if one is given and required.
  ///
  /// A line is `ID SECRET_IN_HEX [SOURCE…]`; empty lines and lines that begin with `#` are skipped.
  mutating func loadKeys() -> [ConfigurationFault] {
    let key = "authentication.keysFile"
    guard configuration.authentication.mode == .required,
      let path = configuration.authentication.keysFile, !invalidKeys.contains(key)
    else { return [] }
    func fault(_ reason: String, _ origin: SettingOrigin? = nil) -> ConfigurationFault {
      .init(key: key, found: path, origin: origin ?? self.origin(of: key), reason: reason)
    }
    let bytes: [UInt8]
    do throws(SystemCallError) {
      let status = try FileStatus(of: path)
      guard status.isRegularFile else { return [fault("it is not a file")] }
      guard status.isPrivate else {
        return [
          fault("its mode is \(status.modeText), and others may read secrets; chmod 600 \(path)")
        ]
      }
      bytes = try FileContents.read(path, limit: Self.maximumKeysFile)
    } catch {
      return [fault(error.withoutPath)]
    }
    var faults: [ConfigurationFault] = []
    var keys: [UInt32: (key: SourceKey, line: Int)] = [:]
    for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }
      guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
      switch Self.sourceKey(words) {
      case .success(let key):
        if let earlier = keys[key.id.rawValue] {
          let reason = "key \(key.id.rawValue) stands in line \(earlier.line) already"
          faults.append(fault(reason, .file(path: path, line: index + 1)))
        } else {
          keys[key.id.rawValue] = (key, index + 1)
        }
      case .failure(let error):
        faults.append(fault(error.reason, .file(path: path, line: index + 1)))
      }
    }
    if keys.isEmpty, faults.isEmpty { faults.append(fault("it holds no key")) }
    configuration.authentication.keys = keys.values.map(\.key).sorted {
      $0.id.rawValue < $1.id.rawValue
    }
    return faults
  }

  private struct KeyLineError: Error {
    var reason: String
  }

  // The reasons never repeat the line: it may hold a secret in the wrong place.
  private static func sourceKey(_ words: [ArraySlice<UInt8>]) -> Result<SourceKey, KeyLineError> {
    guard let id = UInt32(String(decoding: words[0], as: UTF8.self)), id > 0 else {
      return .failure(.init(reason: "the first word is not a key id from 1 to 4294967295"))
    }
    let digits = words.count > 1 ? words[1] : []
    var secret: [UInt8] = []
    for pair in stride(from: digits.startIndex, to: digits.endIndex - 1, by: 2) {
      guard let high = Character(UnicodeScalar(digits[pair])).hexDigitValue,
        let low = Character(UnicodeScalar(digits[pair + 1])).hexDigitValue
      else { break }
      secret.append(UInt8(high << 4 | low))
    }
    guard (16...128).contains(secret.count), secret.count * 2 == digits.count else {
      let reason = "the secret of key \(id) is not 32 to 256 hexadecimal digits in pairs"
      return .failure(.init(reason: reason))
    }
    return sources(words.dropFirst(2), of: id).map { sources in
      SourceKey(id: KeyID(id), sources: sources, secret: secret)
    }
  }

  /// The names of the sources that a key may speak for.
  private static func sources(
    _ words: ArraySlice<ArraySlice<UInt8>>, of id: UInt32
  ) -> Result<[String], KeyLineError> {
    var sources: [String] = []
    var known: Set<String> = []
    for (place, word) in words.enumerated() {
      guard word.count <= WireLimits.maximumSourceLength, word.allSatisfy(SourceIdentity.allows)
      else {
        let reason =
          "source \(place + 1) of key \(id) is not 1 to \(WireLimits.maximumSourceLength) "
          + "characters of A-Z a-z 0-9 . _ : / -"
        return .failure(.init(reason: reason))
      }
      let source = String(decoding: word, as: UTF8.self)
      guard known.insert(source).inserted else {
        return .failure(.init(reason: "source \(place + 1) of key \(id) is there twice"))
      }
      sources.append(source)
    }
    return .success(sources)
  }
}
