import BackupCore
import Dispatch
import Foundation

/// When the scheduler wakes, and what it tells the service manager then. Slots, the look at the clock, STATUS and the watchdog
/// share one timer: an idle daemon wakes once a minute for all of them.
extension Scheduler {
    /// The longest time without a look at the clock.
    private static let longestSleep: TimeInterval = 60
    /// While something runs, STATUS follows it this closely.
    private static let progressInterval: TimeInterval = 5

    /// STATUS follows what goes on no closer than this: a second may have a thousand runs.
    private static let statusInterval: TimeInterval = 0.25

    func setTimer() {
        let timer = DispatchSource.makeTimerSource(queue: executor.queue)
        timer.setEventHandler { @Sendable [weak self] in self?.assumeIsolated { $0.woke() } }
        self.timer = timer
        arm(at: nil)
        timer.activate()
    }

    func retire() { timer?.cancel() }

    private func woke() {
        notify.watchdog()
        // Before anything else: whatever the plan waits for, the watchdog is fed.
        arm(at: nil)
        if stopDeadline != nil { extendStop() } else { Task { await plan() } }
    }

    func arm(at wake: Date?) {
        // A slot is reached a little late, never a little early: early would find nothing due and look again.
        let delay = wake.map { max(0.001, $0.timeIntervalSince(clock().wall) + 0.001) } ?? longestDelay
        armedFor = min(delay, longestDelay)
        timer?.schedule(deadline: .now() + armedFor, leeway: .milliseconds(5))
    }

    /// Three looks within the time that the watchdog allows.
    private var longestDelay: TimeInterval {
        let longest = running.isEmpty && drilling == nil ? Self.longestSleep : Self.progressInterval
        return min(longest, (notify.watchdogIntervalSeconds ?? .infinity) / 3)
    }

    func extendStop() {
        guard let stopDeadline else { return }
        if clock().wall >= stopDeadline { interruptAll() }
        notify.extendTimeout(seconds: Self.progressInterval * 4)
        let names = (running.keys.sorted() + (drilling.map { ["the drill of \($0.request.job.name)"] } ?? []))
            .joined(separator: ", ")
        tell("stopping, waiting for \(names)")
    }

    /// Says it once: each message wakes the service manager too.
    func tell(_ text: String) {
        guard text != status else { return }
        status = text
        notify.status(text)
    }

    /// Tells how things stand. When that is too soon after the last time, returns when to look again for it.
    func tellStatus(now: Date) -> Date? {
        let since = lastReading.monotonicSeconds - toldStatus
        guard since >= Self.statusInterval else { return now.addingTimeInterval(Self.statusInterval - max(0, since)) }
        let text = statusText(now: now)
        if text != status { toldStatus = lastReading.monotonicSeconds }
        tell(text)
        return nil
    }

    /// Gives back what a look took, when nothing goes on that would need it again at once. A millisecond, and nothing blocks.
    func tidyUp() { if running.isEmpty, drilling == nil, armedFor > 1 { Memory.giveBack() } }
}
