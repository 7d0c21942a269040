internal import CLibUV

extension StreamConnection {
  /// Starts to read; not to be called while reading.
  func startReading() {
    guard let stream = unsafe stream else { return }
    unsafe expect(uv_read_start(stream, lendBuffer, bytesReceived), "uv_read_start")
  }

  /// Where the next read goes: to the loop's slab, behind a partial frame that waits for its rest.
  ///
  /// Copying that frame costs less than what a short read costs: a call of the kernel and a small
  /// group for the handler. Only one as long as half the slab goes on where it is kept.
  fileprivate func lend(_ buffer: UnsafeMutablePointer<uv_buf_t>) {
    let slab = unsafe loop.streamSlab
    let most = limits.maximumInputBytes - input.count
    var room: UnsafeMutableRawBufferPointer
    if input.count <= slab.count / 2 {
      unsafe slab.copyMemory(from: input.bytes)
      unsafe room = UnsafeMutableRawBufferPointer(rebasing: slab[input.count...])
      isSlabLent = true
    } else {
      unsafe room = input.reserve(min(most, input.count))
      isSlabLent = false
    }
    if !input.isEmpty {
      unsafe room = UnsafeMutableRawBufferPointer(rebasing: room[..<min(most, room.count)])
    }
    lentByteCount = room.count
    unsafe buffer.pointee.base = room.baseAddress?.assumingMemoryBound(to: CChar.self)
    unsafe buffer.pointee.len = room.count
  }

  /// What one read callback of libuv means.
  fileprivate func received(_ count: Int) {
    guard !isClosed, count != 0 else { return }
    if count == Int(UV_EOF.rawValue) {
      ended()
    } else if count < 0 {
      close(
        because: .failed(
          EventLoopError(
            code: Int32(truncatingIfNeeded: count), operation: "read",
            address: remoteAddress.description)))
    } else if isSlabLent {
      let length = input.count + count
      input.removeFirst(input.count)
      unsafe handOutSlab(UnsafeRawBufferPointer(rebasing: loop.streamSlab[..<length]))
    } else {
      input.didAppend(count)
      handOutInput()
    }
    pauseIfSlow()
    if count == lentByteCount { restFromReading() }
  }

  /// Lets the rest of the iteration go before more is read.
  ///
  /// libuv would read up to 32 times as long as reads fill their room, and meanwhile no other
  /// connection, no timer and nothing that is written would have its turn.
  private func restFromReading() {
    guard !isClosed, !isReadingPaused, let stream = unsafe stream else { return }
    isReadingResting = true
    unsafe _ = uv_read_stop(stream)
    scheduleFlush()
  }

  /// Reads on after a rest.
  func readOn() {
    guard isReadingResting else { return }
    isReadingResting = false
    if !isClosed, !isReadingPaused, !peerHasEnded { startReading() }
  }

  /// Hands out what lies in the loop's slab and keeps what the handler leaves.
  private func handOutSlab(_ bytes: UnsafeRawBufferPointer) {
    let consumed = unsafe handlers.onRead(self, bytes.bytes)
    precondition(
      (0...bytes.count).contains(consumed), "BUG: a handler consumed more bytes than there are")
    guard !isClosed else { return }
    if consumed > 0 { noteProgress() }
    let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[consumed...])
    if rest.count >= limits.maximumInputBytes, !isOverHighWater {
      close(because: .inputTooLong)
    } else {
      unsafe input.append(rest.bytes)
    }
  }

  /// Hands out the kept bytes with what came after them.
  func handOutInput() {
    let bytes = unsafe input.bytes
    let consumed = unsafe handlers.onRead(self, bytes.bytes)
    precondition(
      (0...bytes.count).contains(consumed), "BUG: a handler consumed more bytes than there are")
    guard !isClosed else { return }
    if consumed > 0 { noteProgress() }
    input.removeFirst(consumed)
    if input.count >= limits.maximumInputBytes, !isOverHighWater { close(because: .inputTooLong) }
  }

  private var isOverHighWater: Bool {
    writeQueueSize >= limits.writeHighWaterBytes || owesMore(than: mostOwed)
  }

  /// Whether what is owed, with what is queued before it, is more than this.
  private func owesMore(than limit: Int) -> Bool {
    owedByteCount > 0 && writeQueueSize + owedByteCount > limit
  }

  /// What may be owed and queued before another read, whose answers are no longer than itself.
  private var mostOwed: Int { unsafe max(0, limits.maximumOutputBytes - loop.streamSlab.count) }

  /// Notes that up to this many bytes will be written later, for instance once what they say is
  /// on disk. Reading pauses before so much is owed that a peer which reads its answers in time
  /// could be closed with `outputTooLong`.
  public func owe(_ byteCount: Int) {
    loop.assertOwner()
    owedByteCount += byteCount
  }

  /// Notes that this many bytes that were owed are written, or never will be.
  public func settle(_ byteCount: Int) {
    loop.assertOwner()
    precondition(byteCount <= owedByteCount, "BUG: more bytes settled than owed")
    owedByteCount -= byteCount
    if isReadingPaused, !isClosed { scheduleFlush() }
  }

  /// The peer sends no more.
  private func ended() {
    peerHasEnded = true
    if let stream = unsafe stream { unsafe _ = uv_read_stop(stream) }
    noteProgress()
    handlers.onEnd(self)
    guard !isClosed else { return }
    closeIfFinished()
  }

  /// Stops reading from a peer that does not take its answers.
  func pauseIfSlow() {
    guard isOverHighWater, !isReadingPaused, !peerHasEnded, let stream = unsafe stream else {
      return
    }
    isReadingPaused = true
    unsafe _ = uv_read_stop(stream)
  }

  /// Reads on when half of the high water has left; first come bytes that the handler left.
  func resumeIfDrained() {
    guard isReadingPaused, !isClosed, writeQueueSize <= limits.writeHighWaterBytes / 2,
      !owesMore(than: mostOwed / 2)
    else { return }
    isReadingPaused = false
    if !input.isEmpty { handOutInput() }
    pauseIfSlow()
    if !isReadingPaused { startReading() }
  }
}

private func lendBuffer(
  _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggestedSize: Int,
  _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
  guard let data = unsafe handle?.pointee.data, let buffer = unsafe buffer else { return }
  unsafe Unmanaged<StreamConnection>.fromOpaque(data).takeUnretainedValue().lend(buffer)
}

private func bytesReceived(
  _ handle: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?
) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<StreamConnection>.fromOpaque(data).takeUnretainedValue()
    .received(count)
}
