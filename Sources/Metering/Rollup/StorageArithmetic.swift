public import Wire

/// The exact integer arithmetic of storage over time, in byte-milliseconds.
///
/// A change of stored bytes counts from its event time to the end of its hour; the level that it
/// leaves is carried on from there. Every result is the product of a 64-bit quantity and the
/// difference of two times from 1970 to 9999. It fits into 128 bits: nothing here overflows.
public enum StorageArithmetic {
  /// What a change adds to its own hour: quantity × (end of the hour − time).
  ///
  /// - Parameters:
  ///   - quantity: signed change of stored bytes.
  ///   - time: the event time, from 1970 to 9999.
  ///   - hourEnd: the first millisecond after the hour of the event time.
  @inline(__always)
  public static func byteMilliseconds(
    quantity: Int64, time: Timestamp, hourEnd: Timestamp
  ) -> Int128 {
    // Times end in 9999, so their difference has 64 bits, and the product of two such fits.
    Int128(quantity) &* Int128(hourEnd.milliseconds &- time.milliseconds)
  }

  /// What a change adds to its own hour, which the time alone determines.
  ///
  /// - Parameters:
  ///   - quantity: signed change of stored bytes.
  ///   - time: the event time, from 1970 to 9999.
  @inline(__always)
  public static func byteMilliseconds(quantity: Int64, time: Timestamp) -> Int128 {
    byteMilliseconds(quantity: quantity, time: time, hourEnd: Hour(containing: time).end)
  }

  /// What a late change books as its adjustment: quantity × (start of the booking period − time).
  ///
  /// From the start of that period on, the quantity is part of the period's opening level.
  ///
  /// - Parameters:
  ///   - quantity: signed change of stored bytes.
  ///   - time: the event time, from 1970 to 9999, before the booking period.
  ///   - bookingStart: the first millisecond of the booking period.
  @inline(__always)
  public static func lateByteMilliseconds(
    quantity: Int64, time: Timestamp, bookingStart: Timestamp
  ) -> Int128 {
    byteMilliseconds(quantity: quantity, time: time, hourEnd: bookingStart)
  }
}
