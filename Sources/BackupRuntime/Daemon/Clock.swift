import Foundation
import SystemPackage

#if canImport(Glibc)
    import Glibc
#endif

/// The two clocks the scheduler compares: when they part, somebody stepped the wall clock or the host slept.
package struct ClockReading: Sendable, Equatable {
    package var wall: Date
    /// Seconds of CLOCK_MONOTONIC, which stands still while the host sleeps.
    package var monotonicSeconds: Double

    package static func now() -> ClockReading {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return ClockReading(
            wall: Date(), monotonicSeconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000)
    }

    /// By how many seconds the wall clock moved more (or less, when negative) than time passed since `earlier`.
    package func step(since earlier: ClockReading) -> Double {
        wall.timeIntervalSince(earlier.wall) - (monotonicSeconds - earlier.monotonicSeconds)
    }
}
