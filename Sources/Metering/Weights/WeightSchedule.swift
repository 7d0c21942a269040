/// The weights of one operation by event time: a handle for `WeightTable.weight(in:at:)`.
///
/// It holds the newest weight, which nearly every record asks for, and says where the table keeps
/// the earlier ones.
public struct WeightSchedule: Sendable, Hashable {
  /// The first event time, in milliseconds, that has the newest weight.
  let newestFrom: Int64
  /// The newest weight.
  let newestWeight: Int64
  /// Place of the earlier entries in the table.
  let firstEarlier: Int
  /// Number of earlier entries.
  let earlierCount: Int

  /// Weight 1 at every time, in every table.
  public static let one = WeightSchedule(
    newestFrom: .min, newestWeight: 1, firstEarlier: 0, earlierCount: 0)
}
