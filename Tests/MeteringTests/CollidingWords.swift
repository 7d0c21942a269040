/// What keys of tables must hold so that their hashes are all equal, although the keys differ.
///
/// The tables hash by folding products, and a factor of zero hides the other one. The first word of
/// the key is mixed with `first`, the third one with `third`.
struct CollidingWords {
  var first: UInt64
  var third: UInt64

  init(seed: UInt64) {
    let product = (seed ^ 0x6A09_E667_F3BC_C909).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    first = product.high ^ product.low
    third = first ^ 0x9E37_79B9_7F4A_7C15
  }
}
