import CDatagrams
import Foundation

/// Which cores the sender and the receiver get.
struct Cores {
  static let shared = Cores()

  /// All that there are.
  let all: [Int32]
  /// The first core, and the last one; nil where there is only one.
  let sender: Int?
  let receiver: Int32?

  private init() {
    var cores = [Int32](repeating: 0, count: 1_024)
    let count = unsafe lg_cores(&cores, Int32(cores.count))
    all = Array(cores.prefix(Int(max(0, count))))
    sender = all.count > 1 ? Int(all[0]) : nil
    receiver = all.count > 1 ? all[all.count - 1] : nil
  }
}

/// Keeps the receiving thread of a process, which is its first one, on a core, and the others off
/// what they would inherit from it.
final class ReceiverPin: @unchecked Sendable {
  private let process: Int32
  private let lock = NSLock()
  private var isOver = false
  private let done = DispatchSemaphore(value: 0)

  /// - Parameter isWanted: whether anything is to be done at all.
  init(_ process: Int32, isWanted: Bool) {
    self.process = process
    guard isWanted, let core = Cores.shared.receiver, lg_pin(process, core) == 0 else {
      isOver = true
      done.signal()
      return
    }
    Thread { [self] in
      while !lock.withLock({ isOver }) {
        freeOthers()
        usleep(20_000)
      }
      done.signal()
    }.start()
  }

  private func freeOthers() {
    let cores = Cores.shared.all
    let path = "/proc/\(process)/task"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      guard let thread = Int32(name), thread != process else { continue }
      _ = unsafe lg_free(thread, cores, Int32(cores.count))
    }
  }

  /// Lets go; the threads stay where they are.
  func end() {
    lock.withLock { isOver = true }
    done.wait()
  }
}
