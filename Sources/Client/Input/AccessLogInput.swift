public import Wire

/// Where the tenant of a line of an access log comes from.
public enum AccessLogTenant: Sendable, Hashable {
  /// All lines belong to this tenant.
  case fixed(String)
  /// The authenticated user of the request; a line without one is a fault.
  case remoteUser
  /// The first segment of the path, which reads `{tenant}` in the operation; a line without one is
  /// a fault.
  case firstPathSegment
}

/// What an access log does not say itself.
public struct AccessLogOptions: Sendable {
  /// The name of the source that sends the records; part of every key.
  public var source: String
  /// Where the tenant comes from.
  public var tenant: AccessLogTenant
  /// The context of all records.
  public var contextType: ContextType
  /// Its name, 0 to 255 bytes.
  public var context: String

  /// Options from their parts.
  public init(
    source: String, tenant: AccessLogTenant, contextType: ContextType = .other,
    context: String = ""
  ) {
    self.source = source
    self.tenant = tenant
    self.contextType = contextType
    self.context = context
  }
}

/// Traffic records from a web server's access log in the `combined` format.
///
/// The quantity is the bytes sent, the operation the method and the template of the path. How lines
/// are read is in <doc:Inputs>.
public final class AccessLogInput: UsageInput {
  private var lines: LineSource
  private let options: AccessLogOptions
  private var identity: LogIdentity?

  /// The records of these lines.
  ///
  /// - Throws: `InputFault` if a fixed tenant or the context is not a name that a record may have.
  public init(_ lines: consuming LineSource, options: AccessLogOptions) throws(InputFault) {
    if case .fixed(let name) = options.tenant {
      _ = try RecordFields.name(name, field: "tenant")
    }
    _ = try RecordFields.name(options.context, field: "context", mayBeEmpty: true)
    self.lines = lines
    self.options = options
  }

  /// Bytes of the input that were read so far, whole lines of it.
  public var bytesRead: Int64 { lines.consumed }

  /// The next record, the fault of the next line, or nil at the end; empty lines are passed over.
  public func next() throws(InputFailure) -> Result<UsageRecord, InputError>? {
    while true {
      switch try lines.advance() {
      case .end: return nil
      case .tooLong:
        return .failure(InputError(line: lines.number, reason: LineSource.tooLongFault))
      case .line:
        if lines.line.isEmpty { continue }
        do throws(InputFault) {
          return .success(try Self.record(of: lines, options, &identity))
        } catch {
          return .failure(InputError(line: lines.number, reason: error))
        }
      }
    }
  }

  private static func record(
    of lines: borrowing LineSource, _ options: AccessLogOptions, _ identity: inout LogIdentity?
  ) throws(InputFault) -> UsageRecord {
    let line = lines.line
    // The first line that is not empty stands for the log, good or bad.
    let known = identity ?? LogIdentity(source: options.source, firstLine: line)
    identity = known
    // More of it may be written later: sent now and sent whole, it would count twice.
    guard !lines.isUnfinished else {
      throw InputFault("line", found: "no line end", allowed: "a line that is complete")
    }
    let parts = try AccessLogLine(line)
    let template = try PathTemplate(
      request: parts.request, namesTenant: options.tenant == .firstPathSegment)
    return UsageRecord(
      tenant: try tenant(of: parts, template, options), kind: .traffic,
      operation: template.operation, contextType: options.contextType, context: options.context,
      time: parts.time, quantity: parts.bytes,
      key: .raw(known.key(of: line, at: lines.offset)))
  }

  private static func tenant(
    of line: borrowing AccessLogLine, _ template: PathTemplate, _ options: AccessLogOptions
  ) throws(InputFault) -> String {
    switch options.tenant {
    case .fixed(let name): return name
    case .remoteUser:
      if line.user.count == 1, line.user[0] == UInt8(ascii: "-") {
        throw InputFault("user", found: line.user, allowed: "a user, which names the tenant")
      }
      return try RecordFields.name(FieldText.text(line.user, field: "user"), field: "user")
    case .firstPathSegment:
      guard let name = template.firstSegment else {
        throw InputFault(
          "request", found: line.request, allowed: "a path whose first segment names the tenant")
      }
      return try RecordFields.name(name, field: "first path segment")
    }
  }
}
