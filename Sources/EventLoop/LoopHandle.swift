internal import CLibUV

/// Something that lives on an event loop until it is closed.
///
/// Ownership: the object allocates the memory of its libuv handle. `adopt()` stores one retain of
/// the object in `handle.data`, so a handle that is open keeps its Swift object alive, whether or
/// not anybody else does. `close()` asks libuv to close; libuv's close callback comes on a later
/// turn, frees the memory and gives the retain back in `release(_:)`, and nowhere else.
///
/// Thread: everything is used on its loop's thread; anything else is a bug and stops the process.
@safe
public class LoopHandle {
  /// The loop that this lives on. Open handles keep their loop alive.
  public let loop: EventLoop

  /// Whether `close()` was called here or by the loop. No handler is called from then on, except
  /// the one that reports the close itself where a type has one.
  public private(set) final var isClosed = false

  /// The handle; `nil` once its memory is freed.
  private final var handle: UnsafeMutablePointer<uv_handle_t>?

  /// Takes over the memory of an initialised libuv handle.
  init(loop: EventLoop, handle: UnsafeMutableRawPointer) {
    self.loop = loop
    unsafe self.handle = handle.assumingMemoryBound(to: uv_handle_t.self)
  }

  /// Memory for one libuv handle or request, zeroed.
  static func memory<Structure>(for type: Structure.Type) -> UnsafeMutablePointer<Structure> {
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<Structure>.size, alignment: 16)
    unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<Structure>.size)
    return unsafe raw.bindMemory(to: type, capacity: 1)
  }

  /// Stores the one retain in the handle. Called once, at the end of each initializer.
  final func adopt() {
    unsafe handle?.pointee.data = Unmanaged.passRetained(self).toOpaque()
  }

  /// The handle as a libuv type that the caller knows it to be; `nil` once it is freed.
  final func pointer<Handle>(as type: Handle.Type) -> UnsafeMutablePointer<Handle>? {
    unsafe handle.map { unsafe UnsafeMutableRawPointer($0).assumingMemoryBound(to: type) }
  }

  /// Whether this handle keeps `EventLoop.run()` from returning; it does unless told otherwise
  /// (`uv_ref`, `uv_unref`).
  public final var keepsLoopRunning: Bool {
    get { unsafe handle.map { unsafe uv_has_ref($0) != 0 } ?? false }
    set {
      loop.assertOwner()
      guard let handle = unsafe handle else { return }
      if newValue { unsafe uv_ref(handle) } else { unsafe uv_unref(handle) }
    }
  }

  /// Ends this handle. No handler is called afterwards, except as a type says otherwise. May be
  /// called inside any handler, and more than once.
  public final func close() {
    close(willClose: {})
  }

  /// Closes once; `willClose` runs before `closing()`, and only the first time.
  final func close(willClose: () -> Void) {
    loop.assertOwner()
    guard !isClosed, let handle = unsafe handle else { return }
    isClosed = true
    willClose()
    closing()
    unsafe uv_close(handle) { unsafe LoopHandle.release($0) }
  }

  /// For subclasses: stop what is running and let go of handlers. Called once, by `close()`.
  func closing() {}

  /// For subclasses: free requests and buffers that libuv might have used until now.
  func closed() {}

  /// The one place where the retain comes back and the memory of the handle goes.
  private static func release(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    guard let handle = unsafe handle, let data = unsafe handle.pointee.data else { return }
    let owner = unsafe Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
    owner.closed()
    unsafe owner.handle = nil
    unsafe UnsafeMutableRawPointer(handle).deallocate()
  }
}
