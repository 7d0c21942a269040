/// Which of the runs that were found are used at a start, and from where the log is read on.
///
/// A crash may leave a merged run beside its parts, or a file that should have been removed; a run
/// may be missing or damaged. What the log still has is then rebuilt from it; what it does not have
/// is said.
public struct RunChain: Sendable, Hashable {
  /// Numbers of the runs to use, the oldest one first; their spans join.
  public private(set) var used: [UInt64] = []
  /// Where the log is read on: the keys of all records before are in the runs, or have left.
  public private(set) var through = LogPlace(position: 0, chain: 0)
  /// The arrival up to which keys are lost: neither runs nor the log have them. Nil if none are.
  public private(set) var lostThrough: Int64?

  /// Chooses.
  ///
  /// - Parameters:
  ///   - headers: of all runs that can be read, in any order.
  /// - log: the positions that the log still has; a run with keys from behind its end is not used.
  ///   - expired: arrivals before this one are further back than the window.
  public init(_ headers: [RunHeader], log: ClosedRange<UInt64>, expired: Int64) {
    var left = headers.filter { $0.span.end <= log.upperBound }
    while true {
      let chain = Self.takeNewestChain(&left)
      guard let first = chain.first, let last = chain.last else {
        // No run is complete. The log is, if it begins at the beginning.
        if log.lowerBound == 0 { self = RunChain() }
        return
      }
      let isComplete = first.span.start == 0 || first.span.after < expired
      let isReadOn = last.span.through.position >= log.lowerBound
      let candidate = RunChain(chain, lostThrough: isComplete ? nil : first.span.after)
      if isReadOn, isComplete {
        self = candidate
        return
      }
      // The newest one that can be read on stands if nothing older is complete.
      if isReadOn, used.isEmpty { self = candidate }
    }
  }

  private init() {}

  private init(_ chain: [RunHeader], lostThrough: Int64?) {
    used = chain.map(\.number)
    through = chain.last?.span.through ?? through
    self.lostThrough = lostThrough
  }

  /// Takes the newest run, of several that end together the widest, and all that join before it.
  private static func takeNewestChain(_ left: inout [RunHeader]) -> [RunHeader] {
    var chain: [RunHeader] = []
    let end = left.map(\.span.end).max()
    var next = widest(left.filter { $0.span.end == end })
    while let run = next {
      chain.insert(run, at: 0)
      let start = run.span.start
      // Parts of a merged run go with it. One that ends where it starts is none.
      left.removeAll {
        $0.number == run.number || $0.span.start >= start && $0.span.end > start
      }
      next = widest(left.filter { $0.span.isFollowed(by: run.span) })
    }
    return chain
  }

  /// Of runs that end together the one that starts first, or else the newest.
  private static func widest(_ headers: [RunHeader]) -> RunHeader? {
    headers.min { ($0.span.start, $1.number) < ($1.span.start, $0.number) }
  }
}
