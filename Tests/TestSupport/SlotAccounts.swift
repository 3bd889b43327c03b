import BackupCore
import Foundation

/// What has become of every slot of every job: each that an expression names is accounted for once, as run, as coalesced into a
/// run, or as missed with its reason. Whatever is not, or is twice, is a fault that names job and slot.
package struct SlotAccounts: Sendable {
    package enum Fate: UInt8, Sendable, CaseIterable {
        case open, run, coalesced
        /// Before it all began; a clock that goes back may open it.
        case before
        case missedWhileDown, missedInSleep, missedByStep
        /// Due before the watch broke: it waited for a place, or for its job's run.
        case missedWaiting
    }

    /// A stretch of wall time in which nobody watched.
    package struct Break: Sendable {
        let from: Date
        let to: Date
        let fate: Fate
    }

    private let jobs: [Job]
    /// Of each expression in each zone, once for all jobs that have it.
    private let slots: [[Date]]
    private let list: [Int]
    private var fates: [[Fate]]
    /// The first slot of each job that is not accounted for.
    private var next: [Int]
    /// Those before it waited when the watch broke.
    private var waited: [Int]
    private var breaks: [Break] = []
    private(set) package var faults: [String] = []
    /// Slots that came again, for the clock had gone back by more than one.
    private(set) package var again = 0

    /// Enumerates the slots from a week before `began` and until `end`; those until `began` are done with.
    package init(_ jobs: [Job], after began: Date, through end: Date) {
        self.jobs = jobs
        let early = began.addingTimeInterval(-7 * 86_400)
        var numbers: [String: Int] = [:]
        var slots: [[Date]] = []
        list = jobs.map { job in
            let name = "\(job.trigger.source)\u{0}\(job.zone.name)"
            if let number = numbers[name] { return number }
            numbers[name] = slots.count
            var all: [Date] = []
            while let slot = job.trigger.next(after: all.last ?? early, in: job.zone), slot <= end { all.append(slot) }
            slots.append(all)
            return slots.count - 1
        }
        self.slots = slots
        next = list.map { slots[$0].firstIndex { $0 > began } ?? slots[$0].count }
        waited = next
        fates = zip(list, next).map { list, next in
            Array(repeating: .before, count: next) + Array(repeating: .open, count: slots[list].count - next)
        }
    }

    /// A first run, after which one is planned: whatever has passed is served by it.
    package mutating func noteFirst(_ start: Plan.Start, of job: Int) {
        // One that jitter has not let begin yet is to come, though it lies before the beginning.
        open(job, after: start.slot)
        while let slot = slot(next[job], of: job), slot <= start.slot {
            account(job, slot == start.slot ? .run : .coalesced)
        }
    }

    package mutating func note(_ start: Plan.Start, of job: Int, watchingSince: Date) {
        var (missed, coalesced, isFound) = (0, 0, false)
        while let slot = slot(next[job], of: job), slot <= start.slot {
            let isMissed = jobs[job].start(of: slot) < watchingSince
            isFound = slot == start.slot
            if isMissed { missed += 1 } else if !isFound { coalesced += 1 }
            // The run is one of the latest slot, late as it may be.
            account(job, isFound ? .run : isMissed ? reason(of: next[job], of: job) : .coalesced)
        }
        if !isFound { fault(job, start.slot, "was begun, but is no slot, or was accounted for before") }
        if missed != start.missed || coalesced != start.coalesced {
            fault(
                job, start.slot,
                "is said to make up for \(start.missed) missed and \(start.coalesced) coalesced, "
                    + "these were \(missed) and \(coalesced)")
        }
    }

    /// Another attempt for a slot that had a run.
    package mutating func noteRetry(_ start: Plan.Start, of job: Int, for slot: Date) {
        if start.slot != slot || start.missed + start.coalesced > 0 {
            fault(job, start.slot, "was retried for \(slot)")
        }
    }

    package mutating func note(_ skip: Plan.Skip, of job: Int, watchingSince: Date) {
        var (count, isFound) = (0, false)
        while let slot = slot(next[job], of: job), slot <= skip.slot {
            isFound = slot == skip.slot
            count += 1
            if jobs[job].start(of: slot) >= watchingSince { fault(job, slot, "was skipped, though it was watched") }
            account(job, reason(of: next[job], of: job))
        }
        if !isFound || count != skip.missed {
            fault(job, skip.slot, "was skipped with \(skip.missed), these were \(count)")
        }
    }

    /// The clock came back by more than a slot: those after `instant` come again.
    package mutating func takeBack(_ job: Int, after instant: Date) {
        let before = next[job]
        open(job, after: instant)
        again += before - next[job]
        waited[job] = min(waited[job], next[job])
    }

    private mutating func open(_ job: Int, after instant: Date) {
        while next[job] > 0, let slot = slot(next[job] - 1, of: job), slot > instant {
            next[job] -= 1
            fates[job][next[job]] = .open
        }
    }

    /// The watch breaks at an instant; `mayWait` says of a job whether it runs or has no place.
    package mutating func noteBreak(at now: Date, mayWait: (Int) -> Bool) {
        for job in jobs.indices {
            var place = next[job]
            while let slot = slot(place, of: job), jobs[job].start(of: slot) <= now { place += 1 }
            guard place > next[job] else { continue }
            waited[job] = place
            if let slot = slot(next[job], of: job), !mayWait(job) {
                fault(job, slot, "was due, had a place, and nobody had begun it at \(now)")
            }
        }
    }

    package mutating func note(_ broken: Break) { breaks.append(broken) }

    /// Whatever is open of what was due by then is a fault.
    package mutating func close(at end: Date) {
        for job in jobs.indices {
            for (place, slot) in slots[list[job]].enumerated() {
                guard jobs[job].start(of: slot) <= end else { break }
                if fates[job][place] == .open { fault(job, slot, "was never accounted for") }
            }
        }
    }

    /// How many slots have had which fate.
    package var counts: [Fate: Int] {
        fates.reduce(into: [:]) { counts, fates in
            for fate in fates { counts[fate, default: 0] += 1 }
        }
    }

    // MARK: one slot

    private func slot(_ place: Int, of job: Int) -> Date? {
        place < slots[list[job]].count ? slots[list[job]][place] : nil
    }

    private mutating func account(_ job: Int, _ fate: Fate) {
        let place = next[job]
        if fates[job][place] != .open { fault(job, slots[list[job]][place], "was accounted for twice") }
        fates[job][place] = fate
        next[job] += 1
    }

    /// Why nobody had begun it while it could be: it came in a break of the watch, or waited when one began.
    private mutating func reason(of place: Int, of job: Int) -> Fate {
        let slot = slots[list[job]][place]
        let start = jobs[job].start(of: slot)
        if place < waited[job] { return .missedWaiting }
        if let found = breaks.last(where: { $0.from < start && start <= $0.to }) { return found.fate }
        fault(job, slot, "was missed without a reason")
        return .open
    }

    private mutating func fault(_ job: Int, _ slot: Date, _ what: String) {
        note(fault: "\(jobs[job].name): the slot \(jobs[job].zone.iso8601(slot)) \(what)")
    }

    package mutating func note(fault: String) { if faults.count < 20 { faults.append(fault) } }
}
