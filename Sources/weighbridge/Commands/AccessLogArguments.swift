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

  @Option(help: "Context of all lines: project, workspace, admin or other, the default.")
  var contextType: String?

  @Option(help: "Name of the context.") var context: String?

  /// Where a line names its tenant.
  enum Place: String, ExpressibleByArgument, CaseIterable {
    case user
    case path
  }

  /// The first of these options that is given, nil if none is.
  var given: String? {
    if tenant != nil { return "--tenant" }
    if tenantFrom != nil { return "--tenant-from" }
    if contextType != nil { return "--context-type" }
    return context == nil ? nil : "--context"
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
    let name = contextType ?? ContextType.other.name
    guard let type = ContextType(name: name) else {
      throw ValidationError(
        "--context-type: found \(name); allowed: project, workspace, admin, other")
    }
    return AccessLogOptions(
      source: source, tenant: try origin(), contextType: type, context: context ?? "")
  }
}
