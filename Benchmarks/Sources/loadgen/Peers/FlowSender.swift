import CDatagrams
import Dispatch
import EventLoop
import Foundation
import Glibc

/// Sends flows at a steady rate, without answers, because nobody gives any.
enum FlowSender {
  private final class Outcome: @unchecked Sendable {
    var flows: Int64 = 0
    var failure: CarrierFailure?
    let done = DispatchSemaphore(value: 0)
  }

  /// - Returns: how many flows were sent.
  static func send(rate: Double, seconds: Double, to port: UInt16) throws -> Int64 {
    let outcome = Outcome()
    let thread = Thread {
      do throws(CarrierFailure) {
        outcome.flows = try sendHere(rate, seconds, port)
      } catch {
        outcome.failure = error
      }
      outcome.done.signal()
    }
    thread.stackSize = 8 << 20
    thread.start()
    outcome.done.wait()
    if let failure = outcome.failure { throw failure }
    return outcome.flows
  }

  private static func sendHere(
    _ rate: Double, _ seconds: Double, _ port: UInt16
  ) throws(CarrierFailure) -> Int64 {
    if let core = Cores.shared.sender { _ = lg_pin(0, Int32(core)) }
    lg_exact_timeouts()
    let pool = FlowPool()
    let socket = unsafe lg_connect("127.0.0.1", port, 0, 4 << 20)
    guard socket >= 0 else { throw CarrierFailure("connect", Int64(socket)) }
    defer { _ = close(socket) }
    let group: Int32 = lg_can_segment(socket, UInt32(FlowPool.length)) == 1 ? 44 : 1
    let frames = unsafe lg_frames(
      base: pool.base, stride: pool.stride, length: UInt32(FlowPool.length))
    let interval = Double(FlowPool.recordsPerDatagram) / rate * 1e9
    let total = Int64(seconds * 1e9 / interval)
    let started = EventLoop.monotonicNanoseconds()
    var sent: Int64 = 0
    var next = 0
    while sent < total {
      let elapsed = Double(EventLoop.monotonicNanoseconds() - started)
      let due = min(Int64(elapsed / interval) + 1, total) - sent
      guard due > 0 else {
        lg_sleep(Int64(max(20_000, interval)))
        continue
      }
      var numbers: [UInt32] = []
      let time = UInt32(truncatingIfNeeded: EventLoop.wallMilliseconds() / 1_000)
      for _ in 0..<min(due, 64) {
        pool.patch(next, seconds: time)
        numbers.append(UInt32(next))
        next = next + 1 < pool.count ? next + 1 : 0
      }
      let taken = unsafe lg_send(socket, frames, numbers, Int32(numbers.count), group)
      guard taken == numbers.count else { throw CarrierFailure("sendmmsg", min(0, Int64(taken))) }
      sent += Int64(taken)
    }
    return pool.flows
  }
}

/// The highest rate at which nothing is lost.
enum LossFreeSearch {
  /// One try: how many were sent, and how many arrived.
  typealias Attempt = (_ rate: Double, _ seconds: Double) throws -> (sent: Int64, stored: Int64)

  /// Halves the range between a rate that passes and one that does not, on a scale of factors, and
  /// has what it finds pass a longer try.
  ///
  /// - Returns: 0 if even the lowest rate loses.
  static func find(
    from lowest: Double, to highest: Double, steps: Int, seconds: Double, _ attempt: Attempt
  ) throws -> Double {
    var low = lowest
    var high = highest
    for _ in 0..<steps {
      let middle = (low * high).squareRoot()
      let (sent, stored) = try attempt(middle, seconds)
      if sent == stored { low = middle } else { high = middle }
    }
    while low >= lowest / 2 {
      let (sent, stored) = try attempt(low, seconds * 2)
      if sent == stored { return low }
      low *= 0.9
    }
    return 0
  }
}
