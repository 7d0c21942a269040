/// What an ack or a refusal says in its header: which batch it answers, and when that arrived.
public struct AnswerHeader: Sendable, Equatable {
  /// The key that the batch was signed with, which signs the answer too.
  public var keyID: KeyID
  /// The epoch of the batch.
  public var epoch: UInt64
  /// The sequence of the batch.
  public var sequence: UInt64
  /// The highest sequence of the epoch that the service knows, at least ``sequence``.
  public var highestSequence: UInt64
  /// When the batch arrived.
  public var arrival: Timestamp

  /// The header of an answer.
  public init(
    keyID: KeyID, epoch: UInt64, sequence: UInt64, highestSequence: UInt64, arrival: Timestamp
  ) {
    self.keyID = keyID
    self.epoch = epoch
    self.sequence = sequence
    self.highestSequence = highestSequence
    self.arrival = arrival
  }

  /// The header of an answer to a frame.
  public init(answering frame: FrameHeader, arrival: Timestamp) {
    self.init(
      keyID: frame.keyID, epoch: frame.epoch, sequence: frame.sequence,
      highestSequence: frame.highestSequence, arrival: arrival)
  }
}
