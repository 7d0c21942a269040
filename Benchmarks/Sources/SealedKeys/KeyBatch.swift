internal import Dedup

/// Keys that are judged together, with memory for as many as the service judges at once.
struct KeyBatch: ~Copyable {
  static let capacity = 4_096

  private(set) var count = 0
  private var hashes = [KeyHash](repeating: KeyHash(high: 0, low: 0), count: capacity)
  private var payloads = [UInt16](repeating: 0, count: capacity)
  private var requests = [UInt8](repeating: 0, count: capacity)
  private var answers = [UInt8](repeating: 0, count: capacity)

  mutating func removeAll() { count = 0 }

  @inline(__always)
  mutating func append(_ hash: KeyHash, payload: UInt16, request: DedupRequest) {
    hashes[count] = hash
    payloads[count] = payload
    requests[count] = request.rawValue
    count &+= 1
  }

  @inline(__always)
  func answer(_ place: Int) -> UInt8 { answers[place] }

  /// How many were answered so.
  func count(of answer: DedupAnswer) -> Int {
    var found = 0
    for place in 0..<count where answers[place] == answer.rawValue { found &+= 1 }
    return found
  }

  mutating func judge(
    in index: inout DedupIndex, arrival: Int64, front: LogFront
  ) throws(RunError) {
    let (hashes, payloads, requests) = (hashes, payloads, requests)
    let range = 0..<count
    var target = answers.mutableSpan
    try index.judge(
      hashes: hashes.span.extracting(range), payloads: payloads.span.extracting(range),
      requests: requests.span.extracting(range), arrival: arrival, front: front,
      answers: &target)
  }
}
