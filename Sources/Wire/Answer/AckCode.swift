/// The verdict on one record as an ack writes it: verdict and reason in one byte.
public struct AckCode: RawRepresentable, Sendable, Hashable {
  /// 0 accepted, 1 duplicate, 2 conflict, 3 late, 16 + reason rejected.
  public var rawValue: UInt8

  /// The code with this value; values without a meaning have no ``verdict``.
  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The code of a rejected record.
  @inlinable
  public init(rejected reason: RejectionReason) { rawValue = 16 + reason.rawValue }

  /// The code of a record with a fault, the raw value of its ``RejectionReason``.
  @inlinable
  public init(fault: UInt8) { rawValue = 16 &+ fault }

  /// Accepted; not written.
  @inlinable public static var accepted: AckCode { AckCode(rawValue: 0) }
  /// Counted before, with the same payload.
  @inlinable public static var duplicate: AckCode { AckCode(rawValue: 1) }
  /// The key is known with another payload.
  @inlinable public static var conflict: AckCode { AckCode(rawValue: 2) }
  /// Booked as an adjustment.
  @inlinable public static var late: AckCode { AckCode(rawValue: 3) }

  /// The verdict, or nil for a value without a meaning.
  @inlinable
  public var verdict: Verdict? {
    switch rawValue {
    case 0...3: Verdict(rawValue: rawValue)
    case 17...: .rejected
    default: nil
    }
  }

  /// The reason of a rejected record; nil for other verdicts and for reasons of a later version.
  @inlinable
  public var reason: RejectionReason? {
    rawValue > 16 ? RejectionReason(rawValue: rawValue - 16) : nil
  }
}
