public import Dedup
import SegmentLog
import Wire

extension RunOwner {
  /// Whose keys the runs of a ledger hold.
  public init(_ identity: LedgerIdentity) {
    self.init(
      installation: identity.installation.bits, secretFingerprint: identity.secret.fingerprint,
      partition: identity.partition, partitionCount: identity.partitionCount)
  }
}

extension LogPlace {
  init(_ point: ChainPoint) {
    self.init(position: point.position.rawValue, chain: point.chain)
  }
}
