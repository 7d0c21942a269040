internal import CLibUV
internal import Glibc

/// An address and port of IPv4 or IPv6: 24 bytes without references, cheap to copy, compare and
/// hash.
public struct SocketAddress: Hashable, Sendable {
  /// The version of the internet protocol.
  public enum Family: UInt8, Sendable {
    /// IPv4.
    case v4 = 4
    /// IPv6.
    case v6 = 6
  }

  /// The first 8 bytes of an IPv6 address as they lie in memory; 0 for IPv4.
  let high: UInt64
  /// The last 8 bytes of an IPv6 address, or the 4 of an IPv4 address, as they lie in memory.
  let low: UInt64
  /// The interface of a link-local IPv6 address, else 0.
  let scope: UInt32
  /// The port; 0 asks the system for a free one when it is bound.
  public let port: UInt16
  /// The version of the internet protocol.
  public let family: Family

  init(family: Family, high: UInt64, low: UInt64, scope: UInt32, port: UInt16) {
    self.family = family
    self.high = high
    self.low = low
    self.scope = scope
    self.port = port
  }

  /// An address from its numeric text: `127.0.0.1`, `::1`, `fe80::1%eth0`, `fe80::1%2`, or
  /// `localhost`, which stands for 127.0.0.1. `nil` for anything else; names are not looked up.
  public init?(host: String, port: UInt16) {
    // A C string would end at U+0000 and leave the rest unread.
    guard !host.utf8.contains(0) else { return nil }
    let text = host == "localhost" ? "127.0.0.1" : host
    var v4 = sockaddr_in()
    if unsafe uv_ip4_addr(text, Int32(port), &v4) == 0 {
      self = unsafe withUnsafeBytes(of: &v4) { unsafe SocketAddress(sockaddr: $0) } ?? .unset
      return
    }
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    var v6 = sockaddr_in6()
    guard unsafe uv_ip6_addr(String(parts[0]), Int32(port), &v6) == 0 else { return nil }
    if parts.count == 2 {
      // An interface has a number of at least 1 and a name.
      v6.sin6_scope_id = unsafe UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
      guard v6.sin6_scope_id != 0 else { return nil }
    }
    self = unsafe withUnsafeBytes(of: &v6) { unsafe SocketAddress(sockaddr: $0) } ?? .unset
  }

  /// An address and port from text as `description` writes it: `127.0.0.1:4040`, `[::1]:4040`, also
  /// `localhost:4040`. `nil` for anything else.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
      return nil
    }
    var host = text[..<colon]
    if host.first == "[", host.last == "]" {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else { return nil }
    } else if host.contains(":") {
      return nil
    }
    self.init(host: String(host), port: port)
  }

  /// The same address with another port.
  public func withPort(_ port: UInt16) -> SocketAddress {
    SocketAddress(family: family, high: high, low: low, scope: scope, port: port)
  }

  /// Whether this is an address of the machine itself: 127.0.0.0/8, ::1, or ::ffff:127.0.0.0/104.
  public var isLoopback: Bool {
    let last = UInt64(bigEndian: low)
    switch family {
    case .v4: return UInt32(bigEndian: UInt32(truncatingIfNeeded: low)) >> 24 == 127
    case .v6: return high == 0 && (last == 1 || last >> 24 == 0xffff_7f)
    }
  }

  /// A place-holder: 0.0.0.0, port 0.
  static let unset = SocketAddress(family: .v4, high: 0, low: 0, scope: 0, port: 0)
}

extension SocketAddress: CustomStringConvertible {
  /// `127.0.0.1:4040` or `[::1]:4040`; a scope is written as its number, `[fe80::1%2]:4040`.
  public var description: String {
    switch family {
    case .v4: return "\(hostText):\(port)"
    case .v6: return "[\(hostText)\(scope == 0 ? "" : "%\(scope)")]:\(port)"
    }
  }

  private var hostText: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      unsafe withSockaddr { address, _ in
        let status =
          switch family {
          case .v4:
            unsafe uv_ip4_name(
              UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in.self),
              text.baseAddress, text.count)
          case .v6:
            unsafe uv_ip6_name(
              UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in6.self),
              text.baseAddress, text.count)
          }
        expect(status, "uv_ip_name")
      }
      guard let start = text.baseAddress else { return "" }
      return unsafe String(cString: start)
    }
  }
}
