/// Texts as an array of C strings that ends with a null pointer, in one piece of memory.
struct CStringArray {
  private var bytes: [CChar] = []
  private var offsets: [Int?] = []

  /// The texts in order; nil becomes a null pointer.
  init(_ texts: [String?]) {
    offsets.reserveCapacity(texts.count + 1)
    for text in texts {
      guard let text else {
        offsets.append(nil)
        continue
      }
      offsets.append(bytes.count)
      bytes.append(contentsOf: text.utf8.lazy.map { CChar(bitPattern: $0) })
      bytes.append(0)
    }
    offsets.append(nil)
  }

  /// Lends the pointers for the length of a call.
  func withPointers<Result>(
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
  ) -> Result {
    unsafe bytes.withUnsafeBufferPointer { bytes in
      let pointers = unsafe offsets.map { offset -> UnsafePointer<CChar>? in
        guard let offset, let base = bytes.baseAddress else { return nil }
        return unsafe base + offset
      }
      return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
  }

  /// Lends the pointers as C functions of the `exec` family declare them.
  func withMutablePointers<Result>(
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
  ) -> Result {
    unsafe bytes.withUnsafeBufferPointer { bytes in
      let pointers = unsafe offsets.map { offset -> UnsafeMutablePointer<CChar>? in
        guard let offset, let base = bytes.baseAddress else { return nil }
        return unsafe UnsafeMutablePointer(mutating: base + offset)
      }
      return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
  }
}
