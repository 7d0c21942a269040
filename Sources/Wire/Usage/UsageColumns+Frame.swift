extension UsageColumns {
  /// Appends the tables and records of a usage frame whose tag is right.
  ///
  /// A fault of a record stands in ``fault`` and does not throw. When the body cannot be cut into
  /// records this throws ``WireError/malformedBody(offset:_:)`` and nothing of the frame remains.
  ///
  /// Complexity: linear in the frame's length; no allocation once the capacities are reached.
  ///
  /// - Precondition: `header` was parsed from `frame`, its type is `usage`, and the group stays
  ///   below 4 GiB.
  public mutating func append(frame: RawSpan, header: FrameHeader) throws(WireError) {
    precondition(
      header.type == .usage && frame.byteCount == header.length,
      "BUG: only a whole usage frame with its own header can be appended")
    precondition(
      keyByteCount + frame.byteCount <= Int(UInt32.max) && count <= Int(Int32.max),
      "BUG: a group of frames must stay below 4 GiB")
    let records = count
    let keys = keyByteCount
    let marks = (tenants.mark, operations.mark, contexts.mark)
    do throws(WireError) {
      try appendBody(of: frame, header: header)
    } catch {
      count = records
      keyByteCount = keys
      tenants.truncate(to: marks.0)
      operations.truncate(to: marks.1)
      contexts.truncate(to: marks.2)
      throw error
    }
  }

  private mutating func appendBody(of frame: RawSpan, header: FrameHeader) throws(WireError) {
    let end = header.bodyEnd
    var offset = header.bodyStart
    var tables = FrameTables(
      firstTenant: tenants.count, tenantCount: header.tenantCount,
      firstOperation: operations.count, operationCount: header.operationCount,
      firstContext: contexts.count, contextCount: header.contextCount, hasFaults: false)
    let tenantFaults = try tenants.append(
      tables.tenantCount, hasTypes: false, of: frame, at: &offset, end: end)
    let operationFaults = try operations.append(
      tables.operationCount, hasTypes: false, of: frame, at: &offset, end: end)
    let contextFaults = try contexts.append(
      tables.contextCount, hasTypes: true, of: frame, at: &offset, end: end)
    tables.hasFaults = tenantFaults || operationFaults || contextFaults

    let first = count
    try appendRecords(of: frame, header: header, tables: tables, at: &offset)
    guard offset == end else {
      throw .malformedBody(offset: offset, .trailingBytes(count: end - offset))
    }
    let name = sourceBytes.count
    for index in FrameHeader.byteCount..<header.bodyStart {
      sourceBytes.append(frame.integer(at: index))
    }
    frameList.append(
      FrameRanges(
        header: header, records: first..<count,
        tenants: tables.firstTenant..<tenants.count,
        operations: tables.firstOperation..<operations.count,
        contexts: tables.firstContext..<contexts.count, source: name..<sourceBytes.count))
  }
}
