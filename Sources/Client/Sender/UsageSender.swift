internal import Authentication
internal import EventLoop
public import Wire

/// Sends usage records to the service, batch by batch, until each batch has its answer.
///
/// A batch is sent again until it is acked, so that nothing is lost between the caller and the
/// service, and counts once because the service knows a batch by its number and a record by its
/// key.
///
/// Thread: one thread uses a sender at a time; `send` runs its own event loop on it.
public final class UsageSender {
  /// The options that it was made with.
  public let options: SenderOptions
  private let authenticator: MessageAuthenticator?

  /// A sender. Nothing is opened yet.
  ///
  /// - Throws: `SendError` with the reason `options` if a limit, the source or the key is invalid.
  public init(options: SenderOptions) throws(SendError) {
    self.options = options
    guard SenderOptions.windows.contains(options.resendLimits.window) else {
      throw Self.error(
        "window: found \(options.resendLimits.window), allowed is 1 to 65536 batches")
    }
    guard options.timeout > 0 else {
      throw Self.error("timeout: found \(options.timeout), allowed is 1 ms or more")
    }
    do throws(WireError) {
      _ = try FrameEncoder(
        source: options.source, keyID: .none, maximumLength: options.frameLength)
    } catch {
      throw Self.error(Self.text(of: error))
    }
    do throws(KeyRingError) {
      let keys = options.key.map {
        (id: $0.id.rawValue, secret: $0.secret, sources: [String]())
      }
      let ring = try KeyRing(keys.map { [$0] } ?? [])
      authenticator = options.key.flatMap { ring[$0.id.rawValue]?.authenticator }
    } catch {
      throw Self.error("\(error)")
    }
  }

  /// Sends all records and returns when each batch has its answer.
  ///
  /// While `records` waits for input, nothing is sent again and no answer is read.
  ///
  /// - Parameters:
  ///   - records: the next record, nil at the end.
  ///   - progress: called at most ten times a second, and at the end.
  /// - Returns: what became of all records. Batches that were refused for good are in it.
  /// - Throws: ``SendError`` if sending stopped before; it says what was not acked.
  public func send(
    records: @escaping () throws(InputFailure) -> UsageRecord?,
    progress: @escaping (SendSummary) -> Void = { _ in }
  ) throws(SendError) -> SendSummary {
    let session: SendSession
    do throws(EventLoopError) {
      session = try SendSession(options, authenticator, records: records, progress: progress)
    } catch {
      throw SendError(reason: .transport(error), summary: SendSummary())
    }
    let (summary, reason) = session.run()
    if let reason { throw SendError(reason: reason, summary: summary) }
    return summary
  }

  private static func error(_ text: String) -> SendError {
    SendError(reason: .options(text), summary: SendSummary())
  }

  private static func text(of error: WireError) -> String {
    switch error {
    case .sourceLengthInvalid(let found, let allowed):
      "source name: found \(found) bytes, allowed is \(allowed.lowerBound) to "
        + "\(allowed.upperBound) bytes"
    case .sourceCharacterInvalid(_, let found):
      "source name: found byte \(found), allowed is A-Z a-z 0-9 . _ : / -"
    case .frameTooShort(let found, let minimum):
      "frame limit: found \(found), allowed is \(minimum) bytes or more"
    case .frameTooLong(let found, let maximum):
      "frame limit: found \(found), allowed is at most \(maximum) bytes"
    default: "\(error)"
    }
  }
}
