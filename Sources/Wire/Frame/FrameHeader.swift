/// The fixed part of a frame.
///
/// The layout is in the article *Wire format*.
public struct FrameHeader: Sendable, Equatable {
  /// What the frame carries.
  public var type: FrameType
  /// Bytes of the source name, 1 to 64.
  public var sourceLength: Int
  /// Bytes of the whole frame, tag included.
  public var length: Int
  /// The key that made the tag.
  public var keyID: KeyID
  /// The numbering that the sequence belongs to.
  public var epoch: UInt64
  /// The number of the batch, from 1; 0 in a heartbeat.
  public var sequence: UInt64
  /// The highest sequence known to the sender of the frame, at least ``sequence``.
  public var highestSequence: UInt64
  /// What record times are relative to; in an answer, when the answered frame arrived.
  public var baseTime: Timestamp
  /// Records in the body; in an ack, records of the batch.
  public var recordCount: Int
  /// Entries of the tenant table.
  public var tenantCount: Int
  /// Entries of the operation table.
  public var operationCount: Int
  /// Entries of the context table.
  public var contextCount: Int
  /// Bytes of the body.
  public var bodyLength: Int

  /// Bytes of a header.
  public static let byteCount = 64
  /// Bytes of a tag.
  public static let tagLength = 16
  /// The first four bytes of a frame, "WBFR".
  static let magic: UInt32 = 0x5246_4257
  /// The version of the format.
  static let version: UInt8 = 1

  /// Where the body begins.
  var bodyStart: Int { 64 + sourceLength }
  /// Where the body ends and the padding begins.
  var bodyEnd: Int { 64 + sourceLength + bodyLength }

  /// The bytes of the source name in the frame that this header was parsed from.
  @_lifetime(copy frame)
  public func sourceName(in frame: RawSpan) -> RawSpan {
    frame.extracting(Self.byteCount..<bodyStart)
  }

  /// The bytes of the body in the frame that this header was parsed from.
  @_lifetime(copy frame)
  public func body(in frame: RawSpan) -> RawSpan {
    frame.extracting(bodyStart..<bodyEnd)
  }

  /// The bytes that the tag stands for: everything before it.
  @_lifetime(copy frame)
  public func authenticated(in frame: RawSpan) -> RawSpan {
    frame.extracting(0..<length - Self.tagLength)
  }

  /// The tag, its first byte lowest.
  public func tag(in frame: RawSpan) -> UInt128 {
    frame.integer(at: length - Self.tagLength)
  }
}
