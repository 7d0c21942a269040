/// Why a frame was not taken as a whole.
///
/// Offsets count bytes from the start of the frame.
public enum WireError: Error, Equatable, Sendable {
  /// Fewer bytes than a header has.
  case truncatedHeader(found: Int)
  /// The first four bytes are not those of a frame.
  case badMagic(found: UInt32)
  /// Another version of the format.
  case unsupportedVersion(found: UInt8)
  /// A type outside ``FrameType``.
  case unknownType(found: UInt8)
  /// A reserved field is set.
  case reservedNotZero(offset: Int, found: UInt32)
  /// A frame too short for its parts, or from a source and below the minimum.
  case frameTooShort(found: Int, minimum: Int)
  /// A frame over the limit.
  case frameTooLong(found: Int, maximum: Int)
  /// A source name of no or too many bytes.
  case sourceLengthInvalid(found: Int, allowed: ClosedRange<Int>)
  /// A sequence that does not fit the type, or a highest sequence below it.
  case sequenceInvalid(offset: Int, found: UInt64)
  /// A count outside its limits.
  case countInvalid(offset: Int, found: Int, allowed: ClosedRange<Int>)
  /// A body longer than the frame has room for, or where the type has none.
  case bodyLengthInvalid(found: Int, maximum: Int)
  /// Bytes of another number than the header says.
  case lengthMismatch(found: Int, stated: Int)
  /// A byte that a source name may not hold.
  case sourceCharacterInvalid(offset: Int, found: UInt8)
  /// A byte of the padding is set.
  case paddingNotZero(offset: Int, found: UInt8)
  /// A frame without authentication has a tag.
  case tagNotZero
  /// A body that cannot be cut, or that contradicts itself.
  case malformedBody(offset: Int, BodyFault)

  /// The stable name for counters, logs and metric labels.
  public var name: String {
    switch self {
    case .truncatedHeader: "truncated_header"
    case .badMagic: "bad_magic"
    case .unsupportedVersion: "unsupported_version"
    case .unknownType: "unknown_type"
    case .reservedNotZero: "reserved_not_zero"
    case .frameTooShort: "frame_too_short"
    case .frameTooLong: "frame_too_long"
    case .sourceLengthInvalid: "source_length_invalid"
    case .sequenceInvalid: "sequence_invalid"
    case .countInvalid: "count_invalid"
    case .bodyLengthInvalid: "body_length_invalid"
    case .lengthMismatch: "length_mismatch"
    case .sourceCharacterInvalid: "source_character_invalid"
    case .paddingNotZero: "padding_not_zero"
    case .tagNotZero: "tag_not_zero"
    case .malformedBody: "malformed_body"
    }
  }

  /// The name of every error, in the order in which a receiver checks.
  public static let names = [
    "truncated_header", "bad_magic", "unsupported_version", "unknown_type", "reserved_not_zero",
    "frame_too_short", "frame_too_long", "source_length_invalid", "sequence_invalid",
    "count_invalid", "body_length_invalid", "length_mismatch", "source_character_invalid",
    "padding_not_zero", "tag_not_zero", "malformed_body",
  ]
}

/// What is wrong with a body, at the offset of a ``WireError/malformedBody(offset:_:)``.
public enum BodyFault: Error, Equatable, Sendable {
  /// A table entry runs past the end of the body.
  case truncatedTable
  /// A record or a field runs past the end of the body.
  case truncatedRecord
  /// A varint of more than 64 bits.
  case varintTooLong
  /// Bytes are left after the last part.
  case trailingBytes(count: Int)
  /// A flag, code or reason that has no meaning.
  case unknownCode(UInt8)
  /// A number outside its range.
  case numberOutOfRange(UInt64)
  /// Counts and runs of an ack do not agree.
  case countsDisagree
}
