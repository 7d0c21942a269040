import CDatagrams
import EventLoop
import Foundation
import Metering
import Postgres
import Server

/// Notes when flushes become visible in Postgres, on a thread of its own.
final class FlushWatch: @unchecked Sendable {
  /// Records that were visible at a time.
  private struct Point {
    var time: Int64
    var records: Int64
  }

  private let connection: PostgresConnection
  private let lock = NSLock()
  private var isOver = false
  private var points: [Point] = []
  private var failure: String?
  private let done = DispatchSemaphore(value: 0)
  private static let query = "SELECT coalesce(sum(records), 0)::bigint FROM weighbridge.flushes"

  /// Watches the private Postgres of a service.
  init?(dataDirectory: String) throws {
    let layout = try DataDirectoryLayout(existing: dataDirectory)
    guard
      let text = PrivateCluster.connectionString(
        ofRunning: layout.postgresCluster, user: PrivateCluster.administrator)
    else { return nil }
    connection = try PostgresConnection(ConnectionSettings(text))
    try connection.listen(to: "weighbridge_flush")
    points.append(Point(time: EventLoop.monotonicNanoseconds(), records: try visible()))
    Thread { [self] in watch() }.start()
  }

  private func visible() throws -> Int64 { try connection.execute(Self.query).integer(0, 0) }

  private func watch() {
    do {
      while !lock.withLock({ isOver }) {
        guard try !connection.notifications(waitingMilliseconds: 100).isEmpty else { continue }
        let time = EventLoop.monotonicNanoseconds()
        let records = try visible()
        points.append(Point(time: time, records: records))
      }
    } catch {
      failure = "\(error)"
    }
    done.signal()
  }

  /// The time from the ack of a record until it could be read in Postgres, over all records.
  ///
  /// The order of acks is that of the log, and a flush covers the log up to a position: so the
  /// number of records tells which flush made a record visible.
  func finish(_ progress: Progress) -> VisibleFigures? {
    // The last flush was committed before this is called; its message is on its way.
    usleep(150_000)
    lock.withLock { isOver = true }
    done.wait()
    guard failure == nil, let first = points.first else { return nil }
    var histogram = LatencyHistogram()
    var next = points.startIndex
    var before: Int64 = 0
    for point in progress.points {
      while next < points.endIndex, points[next].records - first.records < point.records {
        next += 1
      }
      guard next < points.endIndex else { break }
      histogram.record(points[next].time - point.time, count: point.records - before)
      before = point.records
    }
    return VisibleFigures(flushes: points.count - 1, histogram)
  }
}
