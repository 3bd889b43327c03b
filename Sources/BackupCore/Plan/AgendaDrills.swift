import Foundation

/// Which drill begins now: one at a time on this host, never while its servers are being dumped, and not when a dump of one
/// of them would have to wait for it. Where there is never such a time, dumps wait for one drill a day.
extension Agenda {
    /// The drill that has waited too long: the only one that may begin, and that dumps of its servers wait for. Never while
    /// there is one in progress.
    func pressingDrill() -> DrillQueue.Waiting? {
        guard drills.inProgress.isEmpty, !isDrillPutOff, hasWaited(since: watchingSince) else { return nil }
        var drilled: Set<Int>?
        for drill in drills.due {
            // In the order in which they fell due.
            guard hasWaited(since: drill.start) else { return nil }
            guard entries[drill.index].facts.notBefore.map({ $0 <= now }) ?? true else { continue }
            let today = drilled ?? serversDrilledToday()
            drilled = today
            if numbers(of: drill.index).allSatisfy({ !today.contains($0) }) { return drill }
        }
        return nil
    }

    /// The servers that are not dumped now: for a drill in progress, or for one that has waited too long.
    mutating func reserve(_ pressing: DrillQueue.Waiting?) {
        for number in drills.reserved { servers.all[number].isReserved = false }
        mayAdmit = mayAdmit || !drills.reserved.isEmpty
        var reserved = drills.inProgress.values.flatMap { $0.compactMap(servers.knownNumber) }
        if let pressing { reserved += numbers(of: pressing.index) }
        for number in reserved { servers.all[number].isReserved = true }
        drills.reserved = reserved
    }

    mutating func beginDrill(_ pressing: DrillQueue.Waiting?, into due: inout Due) {
        guard drills.inProgress.isEmpty, !isDrillPutOff, !drills.due.isEmpty else { return }
        let first = (pressing.map { [$0] } ?? drills.due).first { mayBegin($0) }
        guard let first, let drill = entries[first.index].drill else { return }
        let job = schedule.jobs[first.index]
        due.drills.append(.init(job: job.name, slot: drill.slot, attempt: drill.attempt))
        noteBegun(first.index) {
            $0.isRunning = true
            $0.drillingOn = job.drillServers
        }
        drills.remove(first.index, at: entries[first.index].place)
    }

    private var isDrillPutOff: Bool { drillsNotBefore.map { $0 > now } ?? false }

    private func hasWaited(since date: Date) -> Bool { now.timeIntervalSince(date) >= Planner.drillPatience }

    private func numbers(of index: Int) -> [Int] {
        let own = entries[index].server
        guard case .server(let name) = schedule.jobs[index].drill.place, let other = servers.knownNumber(of: name),
            other != own
        else { return [own] }
        return [own, other]
    }

    private func mayBegin(_ drill: DrillQueue.Waiting) -> Bool {
        let facts = entries[drill.index].facts
        let numbers = numbers(of: drill.index)
        guard !facts.isRunning, numbers.allSatisfy({ servers.all[$0].running == 0 }) else { return false }
        if hasWaited(since: drill.start) { return true }
        let needed = min(
            facts.drillSeconds.map { $0 * 1.5 } ?? Planner.unknownDrillSeconds,
            schedule.jobs[drill.index].drill.timeoutSeconds)
        return numbers.allSatisfy { number in
            let server = servers.all[number]
            guard server.waiting == 0 else { return false }
            let next = upcoming.earliest(in: server.places)
            return next == .infinity || Date(timeIntervalSinceReferenceDate: next).timeIntervalSince(now) >= needed
        }
    }

    private func serversDrilledToday() -> Set<Int> {
        drills.ended.reduce(into: []) { found, drill in
            guard abs(now.timeIntervalSince(drill.value)) < Planner.drillPatience else { return }
            found.formUnion(numbers(of: drill.key))
        }
    }
}

/// The drills of an agenda: those that are due, the others, and those that have ended.
struct DrillQueue: Sendable {
    /// A drill that is due.
    struct Waiting: Sendable {
        let index: Int
        let start: Date
    }

    /// The longest due first.
    private(set) var due: [Waiting] = []
    private var isSorted = true
    private var isDue: [Int: Date] = [:]
    /// When those begin that are not due.
    private var later: EarliestTree
    /// The servers that each keeps from being dumped, by job.
    var inProgress: [String: Set<String>] = [:]
    /// The servers kept from being dumped by the last look.
    var reserved: [Int] = []
    /// When the last drills of jobs ended, but for those of long ago.
    private(set) var ended: [Int: Date] = [:]
    private var endedKept = 1000

    init(count: Int) { later = EarliestTree(count: count) }

    mutating func put(_ drill: Plan.Upcoming?, of index: Int, at place: Int, now: Date) {
        let start = drill?.start
        let dueSince = start.flatMap { $0 <= now ? $0 : nil }
        if let old = isDue[index], old != dueSince { takeOut(index) }
        if let dueSince, isDue[index] == nil {
            isDue[index] = dueSince
            due.append(Waiting(index: index, start: dueSince))
            isSorted = false
        }
        later[place] = dueSince == nil ? start?.timeIntervalSinceReferenceDate ?? .infinity : .infinity
    }

    mutating func remove(_ index: Int, at place: Int) {
        if isDue[index] != nil { takeOut(index) }
        later[place] = .infinity
    }

    private mutating func takeOut(_ index: Int) {
        isDue[index] = nil
        due.removeAll { $0.index == index }
    }

    mutating func note(_ ended: Date?, of index: Int, now: Date) {
        let isRecent = ended.map { now.timeIntervalSince($0) < Planner.drillPatience } ?? false
        guard isRecent || self.ended[index] != nil else { return }
        self.ended[index] = isRecent ? ended : nil
        guard self.ended.count > 2 * endedKept else { return }
        self.ended = self.ended.filter { now.timeIntervalSince($0.value) < Planner.drillPatience }
        endedKept = max(1000, self.ended.count)
    }

    /// Puts those that fell due in order.
    mutating func settle(names: (Int) -> String) {
        guard !isSorted else { return }
        due.sort { $0.start != $1.start ? $0.start < $1.start : names($0.index) < names($1.index) }
        isSorted = true
    }

    /// When the next drill begins that is not due, in seconds since the reference date; infinity when there is none.
    func wake(now: Date, notBefore: Date?) -> Double {
        guard let notBefore, notBefore > now else { return later.earliest }
        guard due.isEmpty else { return notBefore.timeIntervalSinceReferenceDate }
        return later.earliest < .infinity
            ? max(later.earliest, notBefore.timeIntervalSinceReferenceDate) : .infinity
    }
}
