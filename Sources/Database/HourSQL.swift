internal import Metering

/// Hours as Postgres wants them: numbers since 1970, which any year has.
enum HourSQL {
  /// An SQL expression for the `timestamptz` at which an hour starts.
  ///
  /// - Parameter hour: an expression for its number, such as `$1`.
  static func time(_ hour: String) -> String { "to_timestamp(\(hour)::bigint * 3600.0)" }

  /// An SQL expression for the number of the hour that starts at the time in a column.
  static func index(_ column: String) -> String {
    "trim_scale(extract(epoch FROM \(column)) / 3600)"
  }

  /// An SQL expression for an array of times, from one of hours' numbers, such as `$1`.
  static func times(_ hours: String) -> String {
    "ARRAY(SELECT to_timestamp(hour * 3600.0) FROM unnest(\(hours)::bigint[]) AS hour)"
  }
}
