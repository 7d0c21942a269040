import Wire

/// What libFuzzer calls with each input: decodes it as a frame, as far as it goes.
///
/// The columns are made anew each time, so that an input alone shows its failure. The tag is not
/// checked, because a fuzzer cannot guess one. What is decoded must be sound; see `check`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWire(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let frame = unsafe RawSpan(_unsafeStart: data, byteCount: count)
  var columns = UsageColumns()
  do throws(WireError) {
    let header = try FrameHeader(parsing: frame, limits: .standard)
    switch header.type {
    case .usage:
      try columns.append(frame: frame, header: header)
      // A second frame of a group, whose indices begin behind the first one's.
      try columns.append(frame: frame, header: header)
    case .ack: _ = try Ack(parsing: frame, header: header)
    case .refusal: _ = try Refusal(parsing: frame, header: header)
    case .heartbeat, .controlTotals: break
    }
  } catch {
    return 0
  }
  check(columns)
  return 0
}

/// Stops when a record points outside its tables, or has no fault where it should have one.
private func check(_ columns: borrowing UsageColumns) {
  for record in 0..<columns.count {
    let tenant = columns.tenants.name(Int(columns.tenant[record]))
    let operation = columns.operations.name(Int(columns.operation[record]))
    let context = columns.contexts.name(Int(columns.context[record]))
    let key = columns.key(record)
    guard columns.fault[record] == 0 else { continue }
    precondition(!tenant.isEmpty && !operation.isEmpty && !key.isEmpty)
    precondition(isText(tenant) && isText(operation) && isText(context))
    precondition(columns.keyForm[record] == 0 ? key.byteCount == 16 : isText(key))
    precondition(columns.kind[record] < 3 && columns.quantity[record] > .min)
    precondition(columns.quantity[record] >= 0 || columns.kind[record] == 2)
    precondition(
      columns.time[record] >= 0 && columns.time[record] <= Timestamp.latest.milliseconds)
  }
}

private func isText(_ bytes: RawSpan) -> Bool {
  let text = bytes.byteOffsets.map {
    unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
  }
  return !text.contains(0) && String(validating: text, as: UTF8.self) != nil
}
