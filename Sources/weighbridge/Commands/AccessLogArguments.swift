import ArgumentParser
import Client
import Wire

/// What an access log does not say itself.
struct AccessLogArguments: ParsableArguments {
  @Option(help: "The tenant of all lines.") var tenant: String?

  @Option(
    help: ArgumentHelp(
      "Where each line names its tenant: user (the authenticated user) or path (its first part).",
      valueName: "user|path"))
  var tenantFrom: Place?

  @Option(help: "Context of all lines: project, workspace, admin or other; default: other.")
  var contextType: String?

  @Option(help: "Name of the context.") var context: String?

  /// Where a line names its tenant.
  enum Place: String, ExpressibleByArgument, CaseIterable {
    case user
    case path
  }

  /// The options that were given.
  var given: [String] {
    [
      tenant == nil ? nil : "--tenant", tenantFrom == nil ? nil : "--tenant-from",
      contextType == nil ? nil : "--context-type", context == nil ? nil : "--context",
    ].compactMap { $0 }
  }

  /// Where the tenant comes from.
  func origin() throws -> AccessLogTenant {
    switch (tenant, tenantFrom) {
    case (let name?, nil): return .fixed(name)
    case (nil, .user): return .remoteUser
    case (nil, .path): return .firstPathSegment
    default:
      throw ValidationError("--format combined needs either --tenant or --tenant-from")
    }
  }

  /// The options of the input.
  func options(source: String) throws -> AccessLogOptions {
    AccessLogOptions(
      source: source, tenant: try origin(), contextType: try type(), context: context ?? "")
  }

  private func type() throws -> ContextType {
    guard let contextType else { return .other }
    guard let type = ContextType(name: contextType) else {
      throw ValidationError(
        "--context-type: found \(contextType); allowed: project, workspace, admin, other")
    }
    return type
  }
}
