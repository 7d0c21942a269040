internal import Glibc

/// `struct sockaddr_in` and `struct sockaddr_in6` as Linux lays them out (ip(7), ipv6(7)): 16 bits
/// of family, 16 bits of port in network order, then 4 bytes of address, or 4 bytes of flow, 16 of
/// address and 4 of scope.
extension SocketAddress {
  /// Bytes that hold any of our addresses.
  static let sockaddrCapacity = MemoryLayout<sockaddr_in6>.size

  private static let portOffset = 2
  private static let v4Offset = 4
  private static let v6Offset = 8
  private static let v6LowOffset = 16
  private static let v6ScopeOffset = 24

  /// The address in memory that the system filled; `nil` if its family is neither of ours.
  init?(sockaddr bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= MemoryLayout<sockaddr_in>.size else { return nil }
    let family = unsafe bytes.loadUnaligned(as: sa_family_t.self)
    let port = UInt16(
      bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: Self.portOffset, as: UInt16.self))
    if family == sa_family_t(AF_INET) {
      let address = unsafe bytes.loadUnaligned(fromByteOffset: Self.v4Offset, as: UInt32.self)
      self.init(family: .v4, high: 0, low: UInt64(address), scope: 0, port: port)
    } else if family == sa_family_t(AF_INET6), bytes.count >= MemoryLayout<sockaddr_in6>.size {
      self.init(
        family: .v6,
        high: unsafe bytes.loadUnaligned(fromByteOffset: Self.v6Offset, as: UInt64.self),
        low: unsafe bytes.loadUnaligned(fromByteOffset: Self.v6LowOffset, as: UInt64.self),
        scope: unsafe bytes.loadUnaligned(fromByteOffset: Self.v6ScopeOffset, as: UInt32.self),
        port: port)
    } else {
      return nil
    }
  }

  /// Writes the address to `memory`, which holds `sockaddrCapacity` bytes, and returns its length.
  func store(to memory: UnsafeMutableRawPointer) -> socklen_t {
    unsafe memory.storeBytes(of: port.bigEndian, toByteOffset: Self.portOffset, as: UInt16.self)
    switch family {
    case .v4:
      unsafe memory.storeBytes(of: sa_family_t(AF_INET), as: sa_family_t.self)
      unsafe memory.storeBytes(of: low, toByteOffset: Self.v4Offset, as: UInt64.self)
      // The eight bytes after the address are padding and zero.
      unsafe memory.storeBytes(of: 0, toByteOffset: Self.v6Offset, as: UInt64.self)
      return socklen_t(MemoryLayout<sockaddr_in>.size)
    case .v6:
      unsafe memory.storeBytes(of: sa_family_t(AF_INET6), as: sa_family_t.self)
      unsafe memory.storeBytes(of: 0, toByteOffset: Self.v4Offset, as: UInt32.self)
      unsafe memory.storeBytes(of: high, toByteOffset: Self.v6Offset, as: UInt64.self)
      unsafe memory.storeBytes(of: low, toByteOffset: Self.v6LowOffset, as: UInt64.self)
      unsafe memory.storeBytes(of: scope, toByteOffset: Self.v6ScopeOffset, as: UInt32.self)
      return socklen_t(MemoryLayout<sockaddr_in6>.size)
    }
  }

  /// Lends the address as the system takes it.
  func withSockaddr<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    unsafe withUnsafeTemporaryAllocation(
      byteCount: Self.sockaddrCapacity, alignment: MemoryLayout<UInt64>.alignment
    ) { memory in
      guard let start = memory.baseAddress else {
        fatalError("BUG: no memory for an address")
      }
      let length = unsafe store(to: start)
      return unsafe body(
        UnsafePointer(start.assumingMemoryBound(to: sockaddr.self)), length)
    }
  }
}
