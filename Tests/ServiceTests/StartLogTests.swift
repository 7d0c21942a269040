import Foundation
import Testing

@Suite("What a start says of the log", .serialized)
struct StartLogTests {
  @Test("a start counts what is in the log, not what is allocated", .timeLimit(.minutes(2)))
  func countsContents() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    _ = try UsageSource.send((0..<500).map { UsageSource.record($0) }, to: service.udp)
    #expect(try service.stop() == 0)
    let list = try service.run(["segments", "list", "--json", "--data-directory", service.data])
    let bytes = try #require(list.output.firstMatch(of: /"bytes" : ([0-9]+)/)).1
    let file = try #require(list.output.firstMatch(of: /"file_bytes" : ([0-9]+)/)).1
    #expect(file == "8388608", "\(list)")
    try service.start()
    let recovered = service.log.split(separator: "\n").first { $0.contains(" recovered ") }
    #expect(recovered?.contains(" bytes=\(bytes) ") == true, "\(service.log)")
  }
}
