import Foundation

/// Who gets a free place: first whoever has been passed over as often as there are jobs on its server (so that nobody starves
/// in an overload), then the most overdue against its own interval.
extension Agenda {
    /// A run that is due, competing for the places that are free.
    struct Candidate: Sendable {
        let index: Int
        let server: Int
        let slot: Date
        let urgency: Urgency
        /// Runs begun on its server before it waited, and fewer by those that it was passed over for before.
        let begunBefore: Int
        let isLocked: Bool
    }

    mutating func enter(_ index: Int, _ start: Plan.Start, _ urgency: Urgency, isLocked: Bool) {
        let server = entries[index].server
        entries[index].candidate = candidates.count
        candidates.append(
            Candidate(
                index: index, server: server, slot: start.slot, urgency: urgency,
                begunBefore: servers.all[server].begun - entries[index].facts.passedOver, isLocked: isLocked))
        servers.all[server].waiting += 1
    }

    /// It is no candidate any more; how often it was passed over stays known.
    mutating func leave(_ index: Int) {
        guard let place = entries[index].candidate else { return }
        entries[index].facts.passedOver = passedOver(index)
        entries[index].candidate = nil
        servers.all[entries[index].server].waiting -= 1
        let last = candidates.removeLast()
        guard last.index != index else { return }
        candidates[place] = last
        entries[last.index].candidate = place
    }

    func passedOver(_ index: Int) -> Int {
        guard let place = entries[index].candidate else { return entries[index].facts.passedOver }
        return passedOver(candidates[place])
    }

    private func passedOver(_ candidate: Candidate) -> Int {
        servers.all[candidate.server].begun - candidate.begunBefore
    }

    mutating func admit(into due: inout Due) {
        while running < schedule.concurrency {
            var best: Candidate?
            for candidate in candidates where !candidate.isLocked && !servers.all[candidate.server].isFull {
                if best.map({ precedes(candidate, $0) }) ?? true { best = candidate }
            }
            guard let best, case .begin(let start, _) = entries[best.index].intention else { return }
            due.starts.append(start)
            leave(best.index)
            entries[best.index].intention = .none
            servers.begunNow.append(best.server)
            noteBegun(best.index) {
                $0.isRunning = true
                $0.passedOver = 0
            }
        }
    }

    func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
        let isStarved = (self.isStarved(left), self.isStarved(right))
        if isStarved.0 != isStarved.1 { return isStarved.0 }
        if isStarved.0, left.slot != right.slot { return left.slot < right.slot }
        let urgency = (left.urgency.at(now), right.urgency.at(now))
        if urgency.0 != urgency.1 { return urgency.0 > urgency.1 }
        return schedule.jobs[left.index].name < schedule.jobs[right.index].name
    }

    private func isStarved(_ candidate: Candidate) -> Bool {
        passedOver(candidate) >= servers.all[candidate.server].jobs
    }
}
