import Testing

@testable import Server

@Suite struct HugePagesTests {
  @Test(
    arguments: [
      ("always [madvise] never\n", true), ("[always] madvise never\n", true),
      ("always madvise [never]\n", false), (nil, false),
    ] as [(String?, Bool)])
  func theKernelsSettingIsRead(setting: String?, areGranted: Bool) {
    #expect(HugePages.areGranted(setting) == areGranted)
  }
}
