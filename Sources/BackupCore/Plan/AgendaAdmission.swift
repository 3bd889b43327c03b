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
        mayAdmit = true
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
        while mayAdmit, running < schedule.concurrency {
            guard let best = firstCandidate, case .begin(let start, _) = entries[best.index].intention else {
                mayAdmit = false
                return
            }
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

    /// Of those that have a place.
    private var firstCandidate: Candidate? {
        var best: (place: Int, rank: Rank)?
        for place in candidates.indices where !candidates[place].isLocked {
            guard !servers.all[candidates[place].server].isFull else { continue }
            let rank = rank(of: candidates[place])
            if let best, !rank.precedes(best.rank, schedule) { continue }
            best = (place, rank)
        }
        return best.map { candidates[$0.place] }
    }

    func precedes(_ left: Candidate, _ right: Candidate) -> Bool { rank(of: left).precedes(rank(of: right), schedule) }

    private func rank(of candidate: Candidate) -> Rank {
        let isStarved = passedOver(candidate) >= servers.all[candidate.server].jobs
        return Rank(
            index: candidate.index, isStarved: isStarved, slot: isStarved ? candidate.slot : .distantPast,
            urgency: candidate.urgency.at(now))
    }

    /// What one look makes of a candidate.
    private struct Rank {
        let index: Int
        let isStarved: Bool
        /// Counts among the starved alone.
        let slot: Date
        let urgency: Double

        func precedes(_ other: Rank, _ schedule: Schedule) -> Bool {
            if isStarved != other.isStarved { return isStarved }
            if slot != other.slot { return slot < other.slot }
            if urgency != other.urgency { return urgency > other.urgency }
            return schedule.jobs[index].name < schedule.jobs[other.index].name
        }
    }
}
