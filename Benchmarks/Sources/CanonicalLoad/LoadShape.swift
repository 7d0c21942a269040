/// The form of the keys of a load.
public enum KeyForm: String, CaseIterable, Codable {
  /// 16 raw bytes.
  case raw
  /// 50 bytes of text.
  case text50

  /// Bytes of a key.
  var byteCount: Int { self == .raw ? 16 : 50 }
  /// Bytes of a key with its length, where the form has one.
  var encodedCount: Int { self == .raw ? 16 : 51 }
  /// Bytes in front of the part of a key that changes.
  var prefix: [UInt8] { self == .raw ? [] : Array("urn:loadgen:event:0000000000000000".utf8) }
}

/// How many of 10,000 records are not simply new.
public struct MixShares {
  /// Repeat a key with the same payload.
  public var duplicates = 0
  /// Repeat a key with another payload.
  public var conflicts = 0
  /// Have a time in a finalized period.
  public var late = 0

  /// Shares of 10,000.
  public init(duplicates: Int = 0, conflicts: Int = 0, late: Int = 0) {
    self.duplicates = duplicates
    self.conflicts = conflicts
    self.late = late
  }
}
