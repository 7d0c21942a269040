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

  @Option(help: "Context of all lines: project, workspace, admin or other.")
  var contextType = "other"

  @Option(help: "Name of the context.") var context = ""

  /// Where a line names its tenant.
  enum Place: String, ExpressibleByArgument, CaseIterable {
    case user
    case path
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
    guard let type = ContextType(name: contextType) else {
      throw ValidationError(
        "--context-type: found \(contextType); allowed: project, workspace, admin, other")
    }
    return AccessLogOptions(
      source: source, tenant: try origin(), contextType: type, context: context)
  }
}
