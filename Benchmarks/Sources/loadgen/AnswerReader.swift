import Authentication
import CDatagrams
import Glibc

/// Reads answers from sockets, and checks their tags.
///
/// One thread owns it. A stream needs a reader of its own, because its answers may come in pieces.
@safe
final class AnswerReader {
  /// Answers whose tag was checked.
  private(set) var checked: Int64 = 0
  /// Answers with a wrong tag, or with one where there must be none, and datagrams that hold
  /// anything else than answers.
  private(set) var wrong: Int64 = 0

  private let sources: Int
  private let authenticator: MessageAuthenticator?
  /// One answer of so many has its tag checked.
  private let checkEvery: Int
  private var untilCheck = 1
  private let inbox: OpaquePointer
  /// Of a stream: what was read and is no whole frame yet.
  private let input: UnsafeMutableRawBufferPointer
  private var inputCount = 0

  private static let inputBytes = 1 << 18

  init(sources: Int, secret: [UInt8]?, checkEvery: Int) {
    self.sources = sources
    self.checkEvery = checkEvery
    authenticator = secret.map { MessageAuthenticator(secret: $0) }
    guard let inbox = unsafe lg_inbox_create() else { fatalError("no memory") }
    unsafe self.inbox = inbox
    unsafe input = .allocate(byteCount: Self.inputBytes, alignment: 64)
  }

  deinit {
    unsafe lg_inbox_destroy(inbox)
    unsafe input.deallocate()
  }

  func receiveDatagrams(
    _ socket: Int32, _ body: (Answer) -> Void
  ) throws(CarrierFailure) -> Bool {
    let received = unsafe lg_receive(socket, inbox)
    guard received >= 0 else { throw CarrierFailure("recvmmsg", Int64(received)) }
    for index in 0..<received {
      let start = unsafe lg_inbox_bytes(inbox) + Int(index) * Int(LG_SLOT)
      let count = unsafe Int(lg_inbox_length(inbox, index))
      let used = unsafe cut(UnsafeRawBufferPointer(start: start, count: count), body)
      if used < count { wrong += 1 }
    }
    return received > 0
  }

  func receiveStream(
    _ socket: Int32, _ body: (Answer) -> Void
  ) throws(CarrierFailure) -> Bool {
    guard let start = unsafe input.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return false
    }
    let count = unsafe lg_read(socket, start + inputCount, input.count - inputCount)
    if count == -Int64(EAGAIN) { return false }
    guard count > 0 else { throw CarrierFailure("recv", count == 0 ? -Int64(EPIPE) : count) }
    inputCount += Int(count)
    let used = unsafe cut(UnsafeRawBufferPointer(start: start, count: inputCount), body)
    if used < inputCount {
      unsafe input.baseAddress?.copyMemory(from: start + used, byteCount: inputCount - used)
    }
    inputCount -= used
    return true
  }

  /// Cuts whole answers and gives how many bytes they are.
  @unsafe
  private func cut(_ bytes: UnsafeRawBufferPointer, _ body: (Answer) -> Void) -> Int {
    var offset = 0
    while offset < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
      guard let answer = unsafe Answer(rest, sources: sources) else { break }
      offset += answer.length
      guard unsafe hasRightTag(rest, answer.length) else {
        wrong += 1
        continue
      }
      body(answer)
    }
    return offset
  }

  /// Whether the tag is right, as far as it is looked at: without authentication always.
  @unsafe
  private func hasRightTag(_ bytes: UnsafeRawBufferPointer, _ length: Int) -> Bool {
    let tag = unsafe bytes.loadUnaligned(fromByteOffset: length - 16, as: UInt128.self)
    guard let authenticator else {
      checked += 1
      return tag == 0
    }
    untilCheck -= 1
    guard untilCheck == 0 else { return true }
    untilCheck = checkEvery
    checked += 1
    let signed = unsafe UnsafeRawBufferPointer(rebasing: bytes[0..<length - 16])
    return unsafe authenticator.verify(tag, of: signed.bytes)
  }
}
