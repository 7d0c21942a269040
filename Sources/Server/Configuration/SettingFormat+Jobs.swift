internal import Metering
internal import Yams

/// A cron expression.
struct CronFormat: SettingFormat {
  var type: String { "cron" }

  var allowed: String {
    "a cron expression in UTC, \"minute hour day-of-month month day-of-week\" such as "
      + "\"17 3 * * *\", or @hourly, @daily, @weekly, @monthly, @yearly"
  }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> CronSchedule {
    do throws(CronError) {
      return try CronSchedule(parsing: text)
    } catch {
      throw SettingMismatch(items: [.init(reason: "\(error)")])
    }
  }

  func text(_ value: CronSchedule) -> String { value.text }
}

/// Schedules of single tenants: a mapping from the name to a mapping of `finalize` and
/// `finalizeAfter`. Outside the configuration file it is written as one line of the same YAML:
/// `{acme: {finalize: "0 4 16 * *", finalizeAfter: 48h}}`.
struct TenantJobsFormat: SettingFormat {
  /// How long after a slot a period is finalized.
  static let after = DurationFormat(.zero ... .seconds(365 * 86_400))
  private static let cron = OptionalFormat(absence: "none", wrapped: CronFormat())

  var type: String { "table" }

  var allowed: String {
    "a mapping from tenants to their finalize (\"none\", or a cron expression in UTC) and "
      + "finalizeAfter (a duration), such as {acme: {finalize: \"0 4 16 * *\"}}"
  }

  var shape: SettingShape { .table }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> [TenantJobs] {
    guard let root = try? Yams.compose(yaml: text), let mapping = root.mapping else {
      throw .notAllowed
    }
    var found: [TenantJobs] = []
    var faults: [SettingMismatch.Item] = []
    for (key, value) in mapping {
      guard let tenant = key.scalar?.string, (1...255).contains(tenant.utf8.count),
        !tenant.utf8.contains(0)
      else {
        faults.append(.init(reason: "the name of a tenant has 1 to 255 bytes and no U+0000"))
        continue
      }
      do throws(SettingMismatch) {
        found.append(try Self.jobs(of: tenant, from: value))
      } catch {
        faults += error.items
      }
    }
    guard faults.isEmpty else { throw SettingMismatch(items: faults) }
    return found.sorted { $0.tenant.utf8.lexicographicallyPrecedes($1.tenant.utf8) }
  }

  func text(_ value: [TenantJobs]) -> String {
    let texts = value.map { jobs in
      let cron = JSONText.quoted(Self.cron.text(jobs.finalize))
      let after = jobs.finalizeAfter.map { ", finalizeAfter: \($0.text)" } ?? ""
      return "\(JSONText.quoted(jobs.tenant)): {finalize: \(cron)\(after)}"
    }
    return "{\(texts.joined(separator: ", "))}"
  }

  func summary(_ value: [TenantJobs]) -> String { "schedules of \(value.count) tenants" }

  private static func jobs(
    of tenant: String, from node: Node
  ) throws(SettingMismatch) -> TenantJobs {
    func mismatch(_ place: String?, _ found: String?, _ reason: String) -> SettingMismatch {
      let place = place.map { "\(tenant).\($0)" } ?? tenant
      return SettingMismatch(items: [.init(place: place, found: found ?? "", reason: reason)])
    }
    let keys = "the keys are finalize, and finalizeAfter if it is not that of all tenants"
    guard let mapping = node.mapping else { throw mismatch(nil, node.scalar?.string, keys) }
    var texts: [String: String] = [:]
    for (key, value) in mapping {
      let name = key.scalar?.string ?? ""
      guard ["finalize", "finalizeAfter"].contains(name) else { throw mismatch(nil, name, keys) }
      guard let text = value.scalar?.string else { throw mismatch(name, nil, "it is no text") }
      texts[name] = text
    }
    guard let text = texts["finalize"] else { throw mismatch(nil, nil, keys) }
    var jobs = TenantJobs(tenant: tenant)
    do throws(SettingMismatch) {
      jobs.finalize = try cron.parse(text, relativeTo: "")
    } catch {
      throw mismatch("finalize", text, error.items.first?.reason ?? "allowed: \(cron.allowed)")
    }
    guard let text = texts["finalizeAfter"] else { return jobs }
    do throws(SettingMismatch) {
      jobs.finalizeAfter = try after.parse(text, relativeTo: "")
    } catch {
      throw mismatch("finalizeAfter", text, "allowed: \(after.allowed)")
    }
    return jobs
  }
}
