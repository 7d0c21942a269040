internal import CLibUV

extension StreamConnection {
  /// Queues bytes for the peer; they leave at the end of the loop's iteration, together with all
  /// others. `false`, and nothing queued, after `finish()` or `close()`, or if the queue would pass
  /// `StreamLimits.maximumOutputBytes`, in which case the connection closes with `outputTooLong`.
  @discardableResult
  public func write(_ bytes: RawSpan) -> Bool {
    loop.assertOwner()
    guard !isClosed, output == .open || (output == .connecting && !finishesAfterConnect) else {
      return false
    }
    guard bytes.byteCount <= limits.maximumOutputBytes - writeQueueSize else {
      close(because: .outputTooLong)
      return false
    }
    if writeQueueSize == 0 { noteProgress() }
    pending.append(bytes)
    scheduleFlush()
    pauseIfSlow()
    return true
  }

  /// Ends our direction after what is queued has left (`uv_shutdown`); the peer sees the end of
  /// the stream. Reading goes on until the peer ends too, and then the connection closes.
  public func finish() {
    loop.assertOwner()
    guard !isClosed, output == .open || output == .connecting else { return }
    if output == .connecting {
      finishesAfterConnect = true
    } else {
      output = .finishing
      scheduleFlush()
    }
  }

  /// Has `flush` called at the end of the iteration, once.
  func scheduleFlush() {
    guard !isFlushScheduled else { return }
    isFlushScheduled = true
    loop.flushAtIterationEnd(self)
  }

  /// Writes what is queued: as much as the socket takes at once, the rest when it can.
  func flush() {
    isFlushScheduled = false
    readOn()
    guard output != .connecting, !isWriting, let stream = unsafe stream else { return }
    if !pending.isEmpty {
      var buffer = unsafe Self.buffer(pending.bytes)
      let written = unsafe uv_try_write(stream, &buffer, 1)
      if written < 0, written != UV_EAGAIN.rawValue { return failWrite(written) }
      if written > 0 {
        pending.removeFirst(Int(written))
        noteProgress()
      }
      if !pending.isEmpty { return unsafe writeRest(stream) }
      handlers.onDrain(self)
    }
    if output == .finishing { shutDown() }
    resumeIfDrained()
  }

  /// Gives libuv the queued bytes, to be written when the socket takes them.
  private func writeRest(_ stream: UnsafeMutablePointer<uv_stream_t>) {
    swap(&pending, &inFlight)
    isWriting = true
    var buffer = unsafe Self.buffer(inFlight.bytes)
    let status = unsafe uv_write(requests.write, stream, &buffer, 1, bytesWritten)
    if status < 0 {
      isWriting = false
      failWrite(status)
    }
  }

  fileprivate func wrote(_ status: Int32) {
    isWriting = false
    guard !isClosed else { return }
    if status < 0 { return failWrite(status) }
    inFlight.removeFirst(inFlight.count)
    noteProgress()
    if pending.isEmpty { handlers.onDrain(self) }
    flush()
  }

  private func shutDown() {
    guard let stream = unsafe stream else { return }
    output = .ended
    let status = unsafe uv_shutdown(requests.shutdown, stream, streamShutDown)
    if status < 0 { failWrite(status) }
  }

  fileprivate func didShutDown(_ status: Int32) {
    guard !isClosed else { return }
    if status < 0 { return failWrite(status) }
    closeIfFinished()
  }

  private func failWrite(_ status: Int32) {
    close(
      because: .failed(
        EventLoopError(code: status, operation: "write", address: remoteAddress.description)))
  }

  private static func buffer(_ bytes: UnsafeRawBufferPointer) -> uv_buf_t {
    // libuv does not write to it; its structure merely lacks the word const.
    let base = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    return unsafe uv_buf_t(base: base?.assumingMemoryBound(to: CChar.self), len: bytes.count)
  }
}

private func bytesWritten(_ request: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
  guard let data = unsafe request?.pointee.handle?.pointee.data else { return }
  unsafe Unmanaged<StreamConnection>.fromOpaque(data).takeUnretainedValue().wrote(status)
}

private func streamShutDown(_ request: UnsafeMutablePointer<uv_shutdown_t>?, _ status: Int32) {
  guard let data = unsafe request?.pointee.handle?.pointee.data else { return }
  unsafe Unmanaged<StreamConnection>.fromOpaque(data).takeUnretainedValue().didShutDown(status)
}
