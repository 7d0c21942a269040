/// Whether several sockets take what comes to one address, each from a part of the peers
/// (`SO_REUSEPORT`, socket(7)).
public enum AddressSharing: Sendable, Hashable {
  /// One socket has the address alone.
  case alone
  /// The first of several. Like one that is alone it gets the address only if nobody has it.
  case first
  /// One more at the address of the first.
  case joining
}
