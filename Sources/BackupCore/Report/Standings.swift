import Foundation

/// How every job stands beside its objectives and its times, kept from one look to the next: a look costs time in proportion to
/// what has changed or gone wrong, not to the jobs that there are.
package struct Standings: Sendable {
    /// No more jobs than these are told of by STATUS: systemd shows one line.
    package static let told = 20

    package let schedule: Schedule
    /// In the order of the schedule; nil for a job of which nothing is known.
    package private(set) var states: [JobState?]
    /// When a job that is well may be so no more; minus infinity for one that has to be looked at.
    private var changes: EarliestTree
    /// A bit for each job of which there is something to tell.
    private var faulty: [UInt64]
    private var faults = 0
    private let vanished: Int
    private var lastLook = Date.distantPast

    package init(_ schedule: Schedule) {
        self.schedule = schedule
        states = Array(repeating: nil, count: schedule.jobs.count)
        changes = EarliestTree(count: schedule.jobs.count)
        faulty = Array(repeating: 0, count: schedule.jobs.count / 64 + 1)
        vanished = schedule.jobs.count { $0.found?.standing == .vanished }
        for index in schedule.jobs.indices { changes[index] = -.infinity }
    }

    package mutating func note(_ state: JobState, of index: Int) {
        states[index] = state
        changes[index] = -.infinity
    }

    /// The clock was stepped: all are looked at anew.
    package mutating func restart() { for index in states.indices { changes[index] = -.infinity } }

    /// Tells what is measured of each job that may stand otherwise than at the last look, one by one: after a start these are all.
    /// Returns the next instant at which one may stand otherwise if nothing happens.
    package mutating func look(now: Date, tell: (ObjectiveMeasure, Job) -> Void) -> Date? {
        if now < lastLook { restart() }
        lastLook = now
        for index in changes.places(notAfter: now.timeIntervalSinceReferenceDate) {
            if let measure = measure(index, now: now) { tell(measure, schedule.jobs[index]) }
        }
        let next = changes.earliest
        return next < .infinity ? Date(timeIntervalSinceReferenceDate: next) : nil
    }

    /// Nil for a job that nobody measures.
    private mutating func measure(_ index: Int, now: Date) -> ObjectiveMeasure? {
        let job = schedule.jobs[index]
        let state = states[index]
        let measure = job.isEnabled ? state.map { ObjectiveMeasure(job, $0, now: now) } : nil
        let overdue = StatusReport.overdueSince(job, state)
        let isOverdue = overdue.map { now.timeIntervalSince($0) > 0 } ?? false
        mark(index, StatusReport.hasFault(job, state, measure, isOverdue: isOverdue))
        var next = Double.infinity
        if let measure, now <= measure.rpoDeadline { next = measure.rpoDeadline.timeIntervalSinceReferenceDate }
        if let overdue, !isOverdue { next = min(next, overdue.timeIntervalSinceReferenceDate) }
        changes[index] = next
        return measure
    }

    private mutating func mark(_ index: Int, _ isFaulty: Bool) {
        let bit: UInt64 = 1 << UInt64(index % 64)
        guard (faulty[index / 64] & bit != 0) != isFaulty else { return }
        faulty[index / 64] ^= bit
        faults += isFaulty ? 1 : -1
    }

    /// What `systemctl status` shows, as of the last look.
    package func statusLine(
        next: Plan.Upcoming?, running: [(job: String, bytes: Int64)], drilling: String?, now: Date
    ) -> String {
        let names = Set(running.map(\.job))
        var parts: [String] = []
        var told = 0
        for index in firstFaulty {
            let job = schedule.jobs[index]
            let line = StatusReport.line(job, states[index], isRunning: names.contains(job.name), now: now)
            parts += StatusLine.faults(of: line)
            told += 1
        }
        if faults > told { parts.append("\(faults - told) more with faults") }
        return StatusLine.text(
            parts, jobs: schedule.jobs.count, vanished: vanished, next: next, in: schedule, running: running,
            drilling: drilling, now: now)
    }

    private var firstFaulty: [Int] {
        var found: [Int] = []
        for (word, bits) in faulty.enumerated() {
            var rest = bits
            while rest != 0, found.count < Self.told {
                found.append(word * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return found
    }
}
