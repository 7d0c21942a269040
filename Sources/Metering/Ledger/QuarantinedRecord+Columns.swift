import Wire

extension QuarantinedRecord {
  init(
    _ columns: borrowing UsageColumns, frame: Int, record: Int, reason: RejectionReason,
    arrival: Timestamp
  ) {
    func text(_ bytes: RawSpan) -> String? {
      unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }
    func name(_ bytes: RawSpan) -> String? {
      text(bytes).flatMap { $0.isEmpty ? nil : $0 }
    }
    let ranges = columns.frames[frame]
    let context = Int(columns.context[record])
    let key = columns.key(record)
    source = SourceIdentity(
      name: text(columns.sourceName(ofFrame: frame)) ?? "", epoch: ranges.header.epoch)
    sequence = ranges.header.sequence
    index = columns.numberInBatch(record, ofFrame: frame)
    self.arrival = arrival
    self.reason = reason
    tenant = name(columns.tenants.name(Int(columns.tenant[record])))
    kind = UsageKind(rawValue: columns.kind[record])
    operation = name(columns.operations.name(Int(columns.operation[record])))
    contextType = context == 0 ? nil : columns.contexts.type(context)
    self.context = context == 0 ? nil : text(columns.contexts.name(context))
    time = Timestamp(milliseconds: columns.time[record])
    quantity = columns.quantity[record]
    let keyText = columns.keyForm[record] == 0 ? nil : text(key)
    self.key = keyText ?? Self.hexadecimal(key)
  }

  private static func hexadecimal(_ bytes: RawSpan) -> String {
    let digits = Array("0123456789abcdef")
    var result = "0x"
    for offset in 0..<bytes.byteCount {
      let byte = bytes.byte(at: offset)
      result.append(digits[Int(byte >> 4)])
      result.append(digits[Int(byte & 15)])
    }
    return result
  }
}
