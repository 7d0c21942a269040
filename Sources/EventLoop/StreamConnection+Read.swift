internal import CLibUV

extension StreamConnection {
  /// Starts to read; not to be called while reading.
  func startReading() {
    guard let stream = unsafe stream else { return }
    unsafe expect(uv_read_start(stream, lendBuffer, bytesReceived), "uv_read_start")
  }

  /// Where the next read goes: to the loop's slab, unless a partial frame waits for its rest.
  fileprivate func lend(_ buffer: UnsafeMutablePointer<uv_buf_t>) {
    var room = unsafe loop.streamSlab
    if !input.isEmpty {
      let most = limits.maximumInputBytes - input.count
      let wanted = min(most, max(input.count, 16 << 10))
      let reserved = unsafe input.reserve(wanted)
      unsafe room = UnsafeMutableRawBufferPointer(rebasing: reserved[..<min(most, reserved.count)])
    }
    unsafe buffer.pointee.base = room.baseAddress?.assumingMemoryBound(to: CChar.self)
    unsafe buffer.pointee.len = room.count
  }

  /// What one read callback of libuv means.
  fileprivate func received(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
    guard !isClosed, count != 0 else { return }
    if count == Int(UV_EOF.rawValue) {
      ended()
    } else if count < 0 {
      close(
        because: .failed(
          EventLoopError(
            code: Int32(truncatingIfNeeded: count), operation: "read",
            address: remoteAddress.description)))
    } else if input.isEmpty {
      unsafe handOutSlab(UnsafeRawBufferPointer(start: base, count: count))
    } else {
      input.didAppend(count)
      handOutInput()
    }
    pauseIfSlow()
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

  private var isOverHighWater: Bool { writeQueueSize >= limits.writeHighWaterBytes }

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
    guard isReadingPaused, !isClosed, writeQueueSize <= limits.writeHighWaterBytes / 2 else {
      return
    }
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
    .received(count, buffer?.pointee.base)
}
