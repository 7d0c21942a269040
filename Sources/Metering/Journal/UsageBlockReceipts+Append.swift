import Wire

extension UsageBlockReceipts {
  mutating func noteException(index: Int, code: UInt8, hour: Int32) {
    exceptionIndices.append(UInt32(truncatingIfNeeded: index))
    exceptionCodes.append(code)
    exceptionHours.append(hour)
  }

  mutating func append(
    source: UInt32, header: FrameHeader, arrival: Timestamp, exceptionCount: Int,
    rejectedBytes: Int
  ) {
    sources.append(source)
    epochs.append(header.epoch)
    sequences.append(header.sequence)
    highestIssued.append(header.highestSequence)
    arrivals.append(arrival.milliseconds)
    keyIDs.append(header.keyID.rawValue)
    received.append(UInt32(truncatingIfNeeded: header.recordCount))
    exceptionCounts.append(UInt32(truncatingIfNeeded: exceptionCount))
    self.rejectedBytes.append(UInt32(truncatingIfNeeded: rejectedBytes))
  }
}
