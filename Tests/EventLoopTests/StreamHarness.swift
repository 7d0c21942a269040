import EventLoop

/// Where a stream test runs.
enum Place: String, CaseIterable, Sendable {
  case v4, v6, unix

  /// An address that is free.
  func address(_ name: String = #function) -> StreamAddress {
    switch self {
    case .v4: return .tcp(loopbacks[0])
    case .v6: return .tcp(loopbacks[1])
    case .unix: return .unix(path: temporaryPath(String(name.prefix { $0 != "(" }) + ".s"))
    }
  }
}

/// Consumes everything into a list of bytes.
func collecting(
  _ append: @escaping ([UInt8]) -> Void
) -> (StreamConnection, RawSpan) -> Int {
  { _, bytes in
    append(Array(copying: bytes))
    return bytes.byteCount
  }
}

/// Writes back whatever comes.
let echo = { @Sendable (connection: StreamConnection, bytes: RawSpan) -> Int in
  connection.write(bytes)
  return bytes.byteCount
}

extension StreamConnection {
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool { unsafe write(bytes.span.bytes) }
}
