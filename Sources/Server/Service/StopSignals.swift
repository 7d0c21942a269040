internal import Glibc

/// SIGTERM and SIGINT, which stop the service.
///
/// They are held back from the beginning on: until the loop's watchers receive them none ends the
/// process, which would leave the Postgres behind that it has started. A start looks for them
/// between its steps.
enum StopSignals {
  /// A signal came before the service was ready.
  struct Received: Error {}

  static let numbers = [SIGTERM, SIGINT]

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in numbers { unsafe sigaddset(&set, number) }
    return set
  }

  /// Holds the signals back in this thread and in those that it starts from now on.
  static func hold() {
    var set = set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// - Throws: ``Received`` if one of them waits.
  static func check() throws(Received) {
    var waiting = sigset_t()
    unsafe sigpending(&waiting)
    let isWaiting = numbers.contains { unsafe sigismember(&waiting, $0) == 1 }
    if isWaiting { throw Received() }
  }
}
