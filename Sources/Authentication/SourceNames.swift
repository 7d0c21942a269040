/// The names of the sources that a key may speak for.
///
/// They lie one after the other in ascending order, so that a name is found by comparing bytes.
struct SourceNames: Sendable {
  private var bytes: [UInt8] = []
  /// Where each name ends in the bytes.
  private var ends: [Int] = []

  /// The set of these names.
  init(_ names: [String]) {
    for name in names.map({ Array($0.utf8) }).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      bytes += name
      ends.append(bytes.count)
    }
  }

  var isEmpty: Bool { ends.isEmpty }

  /// Whether a name is among them. O(log n) comparisons; nothing is allocated.
  func contains(_ name: RawSpan) -> Bool {
    var low = 0
    var high = ends.count
    while low < high {
      let middle = (low + high) / 2
      let start = middle == 0 ? 0 : ends[middle - 1]
      let order = Self.order(of: name, bytes.span.extracting(start..<ends[middle]))
      if order == 0 { return true }
      if order < 0 { high = middle } else { low = middle + 1 }
    }
    return false
  }

  /// Below 0 if the name comes before the other one, 0 if they are equal, else above 0.
  private static func order(of name: RawSpan, _ other: Span<UInt8>) -> Int {
    for index in 0..<min(name.byteCount, other.count) {
      let byte = unsafe name.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      if byte != other[index] { return Int(byte) - Int(other[index]) }
    }
    return name.byteCount - other.count
  }
}
