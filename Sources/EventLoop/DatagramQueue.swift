/// Datagrams that wait to be sent, built from frames: frames to one peer share a datagram.
///
/// A bump arena with fixed limits: nothing is allocated after `init`. The arena is taken back as a
/// whole once everything in it was sent. Frames to one peer keep their order.
///
/// Thread: one thread owns a queue.
@safe
struct DatagramQueue: ~Copyable {
  /// One datagram in the making.
  struct Datagram {
    var peer: SocketAddress
    var offset: Int
    var length: Int
    var capacity: Int
    var frameCount: Int
  }

  /// Frames that share a datagram, at most.
  static let maximumFrames = 64

  /// Places to look at for a peer's open datagram. After that the frame opens a new datagram: peers
  /// that collide on purpose lose their coalescing and nothing else.
  private static let probeLimit = 8

  /// All datagrams, sent and waiting, in the order in which they were opened.
  private let datagrams: UnsafeMutableBufferPointer<Datagram>
  /// The bytes of the datagrams.
  private let arena: UnsafeMutableRawBufferPointer
  /// For each hash place, the index of an open datagram and the round in which it was written.
  private let places: UnsafeMutableBufferPointer<(round: UInt32, index: UInt32)>
  private let datagramLimit: Int
  private let seed = UInt64.random(in: 0...UInt64.max)

  /// Datagrams opened since the arena was last empty.
  private var count = 0
  /// Datagrams of those that are already sent or given up.
  private var sent = 0
  private var arenaUsed = 0
  private var round: UInt32 = 1
  /// The datagram that took the last frame.
  private var latest = 0

  /// A queue that holds `bytes` in datagrams of at most `datagramLimit` bytes, longer frames alone.
  init(bytes: Int, datagramLimit: Int) {
    precondition(
      datagramLimit > 0 && bytes >= datagramLimit && bytes <= Int(Int32.max),
      "BUG: a send queue must hold at least one datagram and at most 2 GiB")
    self.datagramLimit = datagramLimit
    let slots = bytes / datagramLimit
    unsafe datagrams = .allocate(capacity: slots)
    unsafe arena = .allocate(byteCount: bytes, alignment: 64)
    let placeCount = 1 << (Int.bitWidth - (2 * slots).leadingZeroBitCount)
    unsafe places = .allocate(capacity: placeCount)
    unsafe places.initialize(repeating: (0, 0))
  }

  deinit {
    unsafe datagrams.deallocate()
    unsafe arena.deallocate()
    unsafe places.deallocate()
  }

  /// Whether nothing waits.
  var isEmpty: Bool { sent == count }

  /// Datagrams that wait.
  var waiting: Int { count - sent }

  /// Adds a frame; `false` if there is no room.
  mutating func append(_ frame: RawSpan, to peer: SocketAddress) -> Bool {
    if latest >= sent, latest < count, unsafe fits(frame.byteCount, datagrams[latest], peer) {
      add(frame, to: latest)
      return true
    }
    var place = placeIndex(of: peer)
    for _ in 0..<Self.probeLimit {
      let entry = unsafe places[place]
      guard entry.round == round else { break }
      let index = Int(entry.index)
      if index >= sent, unsafe datagrams[index].peer == peer {
        if unsafe fits(frame.byteCount, datagrams[index], peer) {
          add(frame, to: index)
          return true
        }
        break
      }
      place = unsafe (place + 1) & (places.count - 1)
    }
    return open(frame, to: peer, place: place)
  }

  /// A waiting datagram: 0 is the next to be sent.
  func peer(at index: Int) -> SocketAddress { unsafe datagrams[sent + index].peer }

  /// The bytes of a waiting datagram, valid until the queue changes.
  func bytes(at index: Int) -> UnsafeMutableRawBufferPointer {
    let datagram = unsafe datagrams[sent + index]
    return unsafe UnsafeMutableRawBufferPointer(
      rebasing: arena[datagram.offset..<datagram.offset + datagram.length])
  }

  /// Takes the first datagrams out, because they were sent or given up.
  mutating func removeFirst(_ number: Int) {
    precondition(number <= waiting, "BUG: more datagrams sent than were queued")
    sent += number
    guard sent == count else { return }
    count = 0
    sent = 0
    latest = 0
    arenaUsed = 0
    round &+= 1
    if round == 0 {
      unsafe places.update(repeating: (0, 0))
      round = 1
    }
  }

  private func fits(_ length: Int, _ datagram: Datagram, _ peer: SocketAddress) -> Bool {
    datagram.peer == peer && datagram.frameCount < Self.maximumFrames
      && length <= datagram.capacity - datagram.length && datagram.length + length <= datagramLimit
  }

  private mutating func add(_ frame: RawSpan, to index: Int) {
    var datagram = unsafe datagrams[index]
    copy(frame, to: datagram.offset + datagram.length)
    datagram.length += frame.byteCount
    datagram.frameCount += 1
    unsafe datagrams[index] = datagram
    latest = index
  }

  private mutating func open(_ frame: RawSpan, to peer: SocketAddress, place: Int) -> Bool {
    let capacity = max(datagramLimit, frame.byteCount)
    guard unsafe count < datagrams.count, unsafe capacity <= arena.count - arenaUsed else {
      return false
    }
    let datagram = Datagram(
      peer: peer, offset: arenaUsed, length: frame.byteCount, capacity: capacity, frameCount: 1)
    unsafe datagrams.initializeElement(at: count, to: datagram)
    copy(frame, to: arenaUsed)
    arenaUsed += capacity
    unsafe places[place] = (round, UInt32(truncatingIfNeeded: count))
    latest = count
    count += 1
    return true
  }

  private func copy(_ frame: RawSpan, to offset: Int) {
    unsafe frame.withUnsafeBytes { source in
      let target = unsafe UnsafeMutableRawBufferPointer(rebasing: arena[offset...])
      unsafe target.copyMemory(from: source)
    }
  }

  private func placeIndex(of peer: SocketAddress) -> Int {
    var hash = seed ^ peer.low ^ (UInt64(peer.port) << 48)
    hash = (hash ^ (hash >> 32)) &* 0x9e37_79b9_7f4a_7c15
    hash = (hash ^ peer.high ^ (hash >> 29)) &* 0xbf58_476d_1ce4_e5b9
    return unsafe Int(truncatingIfNeeded: hash >> 33) & (places.count - 1)
  }
}
