/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// Milliseconds since 1970-01-01T00:00:00Z.
  public var milliseconds: Int64

  /// The last valid event time, 9999-12-31T23:59:59.999Z.
  @inlinable public static var latest: Timestamp { Timestamp(milliseconds: 253_402_300_799_999) }

  /// A point in time from milliseconds since 1970-01-01T00:00:00Z.
  @inlinable
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// Whether the left time is earlier.
  @inlinable
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.milliseconds < right.milliseconds
  }
}

/// One installation of Weighbridge: a data directory with all its partitions and its secret.
public struct InstallationID: Sendable, Hashable {
  /// The 16 bytes of the id, the first one in the lowest bits.
  public var bits: UInt128

  /// An id from its 16 bytes, the first one in the lowest bits.
  @inlinable
  public init(bits: UInt128) { self.bits = bits }
}

/// The number of the secret that a source signs its frames with; 0 stands for no authentication.
public struct KeyID: Sendable, Hashable {
  /// The number.
  public var rawValue: UInt32

  /// The key id with this number.
  @inlinable
  public init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// No authentication.
  @inlinable public static var none: KeyID { KeyID(0) }
}

/// One numbering of batches: a source's stable name and the epoch that changes when it restarts.
public struct SourceIdentity: Sendable, Hashable {
  /// The stable name, 1 to 64 characters of `A–Z a–z 0–9 . _ : / -`.
  public var name: String
  /// The epoch.
  public var epoch: UInt64

  /// A source's name and epoch.
  public init(name: String, epoch: UInt64) {
    self.name = name
    self.epoch = epoch
  }
}
