import Testing

@testable import EventLoop

@Suite struct SocketAddressTests {
  @Test(arguments: [
    "127.0.0.1:4040", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:4040", "[::]:0",
    "[2001:db8::8:800:200c:417a]:1", "[fe80::1%1]:9",
  ])
  func textComesBack(text: String) throws {
    #expect(try #require(SocketAddress(text)).description == text)
  }

  @Test(arguments: [
    "", "127.0.0.1", ":4040", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
    "127.0.0:1", "[::1]", "::1:4040", "[127.0.0.1]:1", "[::1:4040", "example.com:1", "[::g]:1",
    "127.0.0.1\0:1", "127.0.0.1: 1", "[fe80::1%0]:1", "[fe80::1%no-such]:1", "[fe80::1%]:1",
  ])
  func otherTextIsRefused(text: String) {
    #expect(SocketAddress(text) == nil)
  }

  @Test func hostsAreNumericOrLocalhost() throws {
    #expect(SocketAddress(host: "localhost", port: 5)?.description == "127.0.0.1:5")
    #expect(SocketAddress(host: "::1", port: 5)?.family == .v6)
    #expect(SocketAddress(host: "10.1.2.3", port: 5)?.family == .v4)
    #expect(SocketAddress(host: "fe80::1%lo", port: 5)?.description == "[fe80::1%1]:5")
    #expect(SocketAddress(host: "weighbridge", port: 5) == nil)
    #expect(SocketAddress(host: "127.0.0.1\0.example", port: 5) == nil)
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("127.255.0.9", true), ("128.0.0.1", false), ("0.0.0.0", false),
    ("::1", true), ("::2", false), ("::", false), ("::ffff:127.0.0.1", true),
    ("::ffff:128.0.0.1", false), ("2001:db8::1", false),
  ])
  func loopbackIsKnown(host: String, isLoopback: Bool) throws {
    #expect(try #require(SocketAddress(host: host, port: 1)).isLoopback == isLoopback)
  }

  @Test func differentAddressesDiffer() throws {
    let texts = [
      "1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:5", "[::1.2.3.4]:5", "[fe80::1]:5", "[fe80::1%1]:5",
    ]
    let addresses = try texts.map { try #require(SocketAddress($0)) }
    #expect(Set(addresses).count == texts.count)
    #expect(addresses[0].withPort(6) == addresses[1])
    #expect(MemoryLayout<SocketAddress>.stride == 24)
  }

  @Test func theSystemsFormComesBack() throws {
    for text in ["1.2.3.4:5", "255.255.255.255:65535", "[2001:db8::1]:7", "[fe80::1%1]:9"] {
      let address = try #require(SocketAddress(text))
      let back = unsafe address.withSockaddr { pointer, length in
        unsafe SocketAddress(
          sockaddr: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
      }
      #expect(back == address)
    }
  }

  @Test func otherFamiliesAndShortMemoryAreRefused() {
    for count in 0...64 {
      let zeros = [UInt8](repeating: 0, count: count)
      unsafe zeros.withUnsafeBytes { bytes in
        let address = unsafe SocketAddress(sockaddr: bytes)
        #expect(address == nil)
      }
    }
    let shortV6: [UInt8] = [10, 0] + [UInt8](repeating: 0, count: 18)
    unsafe shortV6.withUnsafeBytes { bytes in
      let address = unsafe SocketAddress(sockaddr: bytes)
      #expect(address == nil)
    }
  }
}
