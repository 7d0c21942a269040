/// A generator whose sequence is fixed by its seed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
public struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  /// The sequence of a seed.
  public init(seed: UInt64) { state = seed }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Numbers 0 ..< count with frequencies that fall as 1 / (rank + 1): Zipf's law with exponent 1.
public struct Zipf {
  private var cumulative: [Double] = []

  /// Frequencies of so many numbers.
  public init(count: Int) {
    var sum = 0.0
    for rank in 0..<count {
      sum += 1 / Double(rank + 1)
      cumulative.append(sum)
    }
  }

  /// Draws a number.
  public func draw(_ random: inout SplitMix64) -> Int {
    let target = Double.random(in: 0..<(cumulative.last ?? 1), using: &random)
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
