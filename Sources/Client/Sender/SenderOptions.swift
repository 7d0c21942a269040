public import EventLoop
public import Wire

/// The secret that a source signs its frames with.
public struct SourceKey: Sendable, CustomStringConvertible, CustomReflectable {
  /// Its number, not 0.
  public let id: KeyID
  let secret: [UInt8]

  /// A key with its secret of at least 16 bytes.
  public init(id: KeyID, secret: [UInt8]) {
    self.id = id
    self.secret = secret
  }

  /// The number, and nothing of the secret.
  public var description: String { "SourceKey(id: \(id.rawValue))" }

  /// Shows the number, and nothing of the secret, to `dump` and to debuggers.
  public var customMirror: Mirror { Mirror(self, children: ["id": id.rawValue]) }
}

/// Where a ``UsageSender`` sends to, as whom, and how patiently.
public struct SenderOptions: Sendable {
  /// How frames travel.
  public enum Transport: String, Sendable, CaseIterable {
    /// One frame in a datagram.
    case udp
    /// Frames on a stream, which is connected again if it breaks.
    case tcp
  }

  /// The service.
  public var server: SocketAddress
  /// How frames travel.
  public var transport: Transport
  /// The numbering of the batches. An epoch is used for one ``UsageSender/send(records:progress:)``
  /// only: batches are numbered from 1.
  public var source: SourceIdentity
  /// The key that signs frames and answers; nil without authentication.
  public var key: SourceKey?
  /// The longest frame in bytes, 1,200 to 65,507; nil for 1,432 over UDP and 32,768 over TCP.
  public var frameLimit: Int?
  /// Batches that may wait for their answer, 1 to 65,536; nil for 128 over UDP, which fits the
  /// receive buffer of a system that was not tuned, and 64 over TCP.
  public var window: Int?
  /// Milliseconds without any batch issued or settled after which the sender gives up.
  public var timeout: Int64
  /// Milliseconds after which a batch without an answer is sent again; twice as long each time
  /// after, up to 10 s. Nil for 250 over UDP and 5,000 over TCP, which loses nothing by itself.
  public var resendDelay: Int64?

  /// Options; those that are not given have the defaults of their transport.
  public init(
    server: SocketAddress, transport: Transport = .udp, source: SourceIdentity,
    key: SourceKey? = nil, frameLimit: Int? = nil, window: Int? = nil, timeout: Int64 = 30_000,
    resendDelay: Int64? = nil
  ) {
    self.server = server
    self.transport = transport
    self.source = source
    self.key = key
    self.frameLimit = frameLimit
    self.window = window
    self.timeout = timeout
    self.resendDelay = resendDelay
  }

  /// The address of a service from text such as `127.0.0.1:4040` or `[::1]:4040`; nil for
  /// anything else. Names are not looked up.
  public static func server(_ text: String) -> SocketAddress? { SocketAddress(text) }

  static let longestResendDelay: Int64 = 10_000
  static let windows = 1...65_536

  var frameLength: Int {
    frameLimit ?? (transport == .udp ? WireLimits.defaultDatagramLength : 32_768)
  }

  var resendLimits: ResendQueue.Limits {
    let delay = max(1, resendDelay ?? (transport == .udp ? 250 : 5_000))
    return ResendQueue.Limits(
      window: window ?? (transport == .udp ? 128 : 64), firstDelay: delay,
      longestDelay: max(delay, Self.longestResendDelay))
  }
}
