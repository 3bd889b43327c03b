import CSystemd
import Foundation

/// What the service manager is told, by sd_notify(3); nothing at all when there is none.
package struct Notify: Sendable {
    package init() {}

    package func ready() { send("READY=1") }
    package func stopping() { send("STOPPING=1") }
    package func watchdog() { send("WATCHDOG=1") }
    package func status(_ text: String) { send("STATUS=\(Event.redacted(text).replacing("\n", with: " "))") }
    package func extendTimeout(seconds: Double) { send("EXTEND_TIMEOUT_USEC=\(Int(seconds * 1_000_000))") }

    /// With the monotonic stamp that notify-reload asks for.
    package func reloading() {
        send("RELOADING=1\nMONOTONIC_USEC=\(Int(ClockReading.now().monotonicSeconds * 1_000_000))")
    }

    /// How often the manager wants to hear from us; nil when it does not.
    package var watchdogIntervalSeconds: Double? {
        var microseconds: UInt64 = 0
        return sd_watchdog_enabled(0, &microseconds) > 0 ? Double(microseconds) / 1_000_000 : nil
    }

    private func send(_ state: String) { sd_notify(0, state) }
}
