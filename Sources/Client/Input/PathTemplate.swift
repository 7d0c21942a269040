/// The operation of a web request: its method and its path, with what differs from one object to
/// the next replaced by `{id}`.
///
/// The number of operations is bounded in practice, because they are names of what was done; a
/// path as it came would make one operation of each object.
struct PathTemplate {
  /// The operation of a request line that is empty, `-`, or not `METHOD target [HTTP/version]`.
  static let noRequest = "-"
  /// More segments than these are written as `*`.
  static let maximumSegments = 12
  /// A template longer than these is cut at the segment that passes it, and `*` written instead.
  static let maximumBytes = 200

  /// The method and the template, such as `GET /v1/tasks/{id}`.
  let operation: String
  /// The first segment of the path as it came, if there is one.
  let firstSegment: String?

  /// The operation of a request line as the log holds it, escapes included.
  ///
  /// With `namesTenant` the first segment of the path is a tenant's name and written `{tenant}`.
  init(request: Span<UInt8>, namesTenant: Bool) throws(InputFault) {
    guard let (method, target) = Self.cut(request) else {
      operation = Self.noRequest
      firstSegment = nil
      return
    }
    var text = try FieldText.text(request.extracting(method), field: "request method")
    let path = request.extracting(Self.path(in: request, target: target))
    guard !path.isEmpty, path[0] == UInt8(ascii: "/") else {
      let isAsterisk = path.count == 1 && path[0] == UInt8(ascii: "*")
      operation = text + (isAsterisk ? " *" : " {authority}")
      firstSegment = nil
      return
    }
    text += " "
    let start = text.utf8.count
    var first: String?
    var segment = 1
    var number = 0
    while segment <= path.count {
      var end = segment
      while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
      let bytes = path.extracting(segment..<end)
      if number == 0, !bytes.isEmpty { first = try FieldText.text(bytes, field: "request path") }
      let isTenant = number == 0 && namesTenant && !bytes.isEmpty
      let part = isTenant ? "{tenant}" : try Self.template(of: bytes)
      if number == Self.maximumSegments
        || text.utf8.count - start + part.utf8.count >= Self.maximumBytes
      {
        text += "/*"
        break
      }
      text += "/" + part
      number += 1
      segment = end + 1
    }
    operation = text
    firstSegment = first
  }

  /// The bounds of method and target. A target may hold spaces, since servers log what they got.
  private static func cut(_ request: Span<UInt8>) -> (method: Range<Int>, target: Range<Int>)? {
    var method = 0
    while method < request.count, isMethodLetter(request[method]) { method += 1 }
    guard (1...20).contains(method), method < request.count,
      request[method] == UInt8(ascii: " ")
    else { return nil }
    var end = request.count
    var space = end - 1
    while space > method, request[space] != UInt8(ascii: " ") { space -= 1 }
    if space > method, request.starts(with: "HTTP/", at: space + 1) { end = space }
    return method + 1 < end ? (0..<method, (method + 1)..<end) : nil
  }

  private static func isMethodLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  /// The path in a target: without query and fragment, and without `scheme://authority`.
  private static func path(in request: Span<UInt8>, target: Range<Int>) -> Range<Int> {
    var end = target.lowerBound
    while end < target.upperBound, request[end] != UInt8(ascii: "?"),
      request[end] != UInt8(ascii: "#")
    {
      end += 1
    }
    let start = target.lowerBound
    if request[start] == UInt8(ascii: "/") { return start..<end }
    var slashes = start
    while slashes + 2 < end {
      if request.starts(with: "://", at: slashes) {
        var path = slashes + 3
        while path < end, request[path] != UInt8(ascii: "/") { path += 1 }
        return path..<end
      }
      slashes += 1
    }
    return start..<end
  }
}

extension PathTemplate {
  /// A segment in which each part between dots that is an identifier reads `{id}`.
  private static func template(of segment: Span<UInt8>) throws(InputFault) -> String {
    if isIdentifier(segment) { return "{id}" }
    var text = ""
    var start = 0
    for index in 0...segment.count
    where index == segment.count || segment[index] == UInt8(ascii: ".") {
      let part = segment.extracting(start..<index)
      text += isIdentifier(part) ? "{id}" : try FieldText.text(part, field: "request path")
      if index < segment.count { text += "." }
      start = index + 1
    }
    return text
  }

  /// Whether a part of a path names one object: digits only; a UUID; 8 or more hexadecimal digits
  /// of which one is a digit; 16 or more letters and digits, both present, after an optional
  /// prefix of lower-case letters and `_` (ULID, KSUID, `cus_9s6XKzkNRiz8i3aT`).
  static func isIdentifier(_ part: Span<UInt8>) -> Bool {
    if FieldText.uuid(part) != nil { return true }
    var start = 0
    for index in part.indices where part[index] == UInt8(ascii: "_") {
      start = index + 1
      break
    }
    for index in 0..<max(0, start - 1) where !(0x61...0x7A).contains(part[index]) { return false }
    var digits = 0
    var hexadecimal = 0
    for index in start..<part.count {
      switch part[index] {
      case 0x30...0x39: digits += 1
      case 0x41...0x46, 0x61...0x66: hexadecimal += 1
      case 0x47...0x5A, 0x67...0x7A: break
      default: return false
      }
    }
    let count = part.count - start
    if count == 0 || digits == 0 { return false }
    if count >= 16, digits < count { return true }
    return start == 0 && (digits == count || count >= 8 && digits + hexadecimal == count)
  }
}
