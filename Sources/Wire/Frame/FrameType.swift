/// What a frame carries.
///
/// The raw value is the value on the wire; it never changes its meaning.
public enum FrameType: UInt8, Sendable, CaseIterable, Hashable {
  /// A batch of usage records, from a source.
  case usage = 1
  /// The highest sequence of a source, without records.
  case heartbeat = 2
  /// Reserved: totals that a source vouches for. This version refuses it.
  case controlTotals = 3
  /// The receipt of a batch, from the service.
  case ack = 4
  /// A batch was not taken, from the service.
  case refusal = 5

  /// Whether a source sends frames of this type; the others come from the service.
  @inlinable
  public var isFromSource: Bool { rawValue <= Self.controlTotals.rawValue }

  /// The name in logs and metric labels.
  public var name: String {
    switch self {
    case .usage: "usage"
    case .heartbeat: "heartbeat"
    case .controlTotals: "control_totals"
    case .ack: "ack"
    case .refusal: "refusal"
    }
  }
}
