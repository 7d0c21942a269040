internal import Foundation

/// Whether the kernel gives huge pages to the tables that ask for them.
enum HugePages {
  /// Where the kernel says it, such as `always [madvise] never` (Documentation/admin-guide/mm/
  /// transhuge.rst of Linux).
  static let setting = "/sys/kernel/mm/transparent_hugepage/enabled"

  /// What the setting says; a kernel without it gives none.
  static func areGranted(_ setting: String?) -> Bool {
    setting.map { !$0.contains("[never]") } ?? false
  }

  /// Whether this machine's kernel gives them.
  static var areGranted: Bool {
    areGranted(try? String(contentsOfFile: setting, encoding: .utf8))
  }
}
