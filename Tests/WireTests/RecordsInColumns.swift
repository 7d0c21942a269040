import Wire

/// The records of columns without faults, back in the form that was encoded.
func records(in columns: borrowing UsageColumns) -> [UsageRecord] {
  var records: [UsageRecord] = []
  for index in 0..<columns.count {
    let bytes = array(columns.key(index))
    let key: RecordKey =
      columns.keyForm[index] == 1
      ? .text(String(decoding: bytes, as: UTF8.self))
      : .raw(bytes.reversed().reduce(0) { $0 << 8 | UInt128($1) })
    records.append(
      UsageRecord(
        tenant: text(columns.tenants.name(Int(columns.tenant[index]))),
        kind: UsageKind(rawValue: columns.kind[index]) ?? .traffic,
        operation: text(columns.operations.name(Int(columns.operation[index]))),
        contextType: columns.contexts.type(Int(columns.context[index])),
        context: text(columns.contexts.name(Int(columns.context[index]))),
        time: Timestamp(milliseconds: columns.time[index]), quantity: columns.quantity[index],
        key: key))
  }
  return records
}
