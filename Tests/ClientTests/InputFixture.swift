import Foundation
import Wire

@testable import Client

/// A file that lives as long as the value.
final class TemporaryFile {
  let path: String

  init(_ bytes: [UInt8]) throws {
    path =
      FileManager.default.temporaryDirectory
      .appending(path: "weighbridge-client-\(UUID().uuidString)").path
    try Data(bytes).write(to: URL(filePath: path))
  }

  convenience init(_ text: String) throws { try self.init(Array(text.utf8)) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func lines(chunkBytes: Int = 1 << 16) throws -> LineSource {
    try LineSource(path: path, chunkBytes: chunkBytes)
  }
}

/// All that an input gives, in order.
func readAll(_ input: any UsageInput) throws -> [Result<UsageRecord, InputError>] {
  var results: [Result<UsageRecord, InputError>] = []
  while let result = try input.next() { results.append(result) }
  return results
}

/// The record of a result, nil for a fault.
func record(_ result: Result<UsageRecord, InputError>?) -> UsageRecord? { try? result?.get() }

/// The fault of a result as its sentence, nil for a record.
func fault(_ result: Result<UsageRecord, InputError>?) -> String? {
  guard case .failure(let error) = result else { return nil }
  return error.description
}
