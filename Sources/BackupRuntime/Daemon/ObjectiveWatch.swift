import BackupCore
import Foundation

/// Notices the moment at which an objective is missed or met again. What was missed already when it begins is told once.
struct ObjectiveWatch: Sendable {
    private var missed: [String: [ObjectiveMeasure.Kind]] = [:]

    /// The events since the last look, and when the next RPO will be missed if nothing happens.
    mutating func look(_ jobs: [Job], _ states: [String: JobState], now: Date) -> (events: [Event], next: Date?) {
        var events: [Event] = []
        var next: Date?
        var seen: [String: [ObjectiveMeasure.Kind]] = [:]
        for job in jobs where job.isEnabled {
            guard let state = states[job.name] else { continue }
            let measure = ObjectiveMeasure(job, state, now: now)
            let before = missed[job.name] ?? []
            for kind in measure.missed where !before.contains(kind) {
                events.append(event(.objectiveMissed, job, measure.text(kind), kind))
            }
            for kind in before where !measure.missed.contains(kind) {
                events.append(
                    event(.objectiveMet, job, "\(kind.rawValue.uppercased()) met again: \(measure.beside(kind))", kind))
            }
            if !measure.missed.isEmpty { seen[job.name] = measure.missed }
            if measure.rpoDeadline >= now { next = min(next ?? measure.rpoDeadline, measure.rpoDeadline) }
        }
        missed = seen
        return (events, next)
    }

    private func event(_ kind: Event.Kind, _ job: Job, _ text: String, _ objective: ObjectiveMeasure.Kind) -> Event {
        Event(
            kind, "\(job.name): \(text)",
            ["JOB": job.name, "DATABASE": job.database, "REASON": text, "OBJECTIVE": objective.rawValue])
    }
}
