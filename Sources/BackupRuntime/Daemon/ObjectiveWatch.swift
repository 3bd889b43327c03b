import BackupCore
import Foundation

/// Notices the moment at which an objective is missed or met again. What was missed already when it begins is told once.
struct ObjectiveWatch: Sendable {
    private var missed: [String: [ObjectiveMeasure.Kind]] = [:]

    /// The events of a job that is measured.
    mutating func note(_ measure: ObjectiveMeasure, of job: Job) -> [Event] {
        let before = missed[job.name] ?? []
        guard measure.missed != before else { return [] }
        missed[job.name] = measure.missed.isEmpty ? nil : measure.missed
        let begun = measure.missed.filter { !before.contains($0) }.map { kind in
            event(.objectiveMissed, job, measure.text(kind), kind)
        }
        let ended = before.filter { !measure.missed.contains($0) }.map { kind in
            event(.objectiveMet, job, "\(kind.rawValue.uppercased()) met again: \(measure.beside(kind))", kind)
        }
        return begun + ended
    }

    /// Forgets the jobs that a schedule has no more, or that nobody wants now.
    mutating func keep(_ schedule: Schedule) {
        missed = missed.filter { schedule.job(named: $0.key)?.isEnabled == true }
    }

    private func event(_ kind: Event.Kind, _ job: Job, _ text: String, _ objective: ObjectiveMeasure.Kind) -> Event {
        Event(
            kind, "\(job.name): \(text)",
            ["JOB": job.name, "DATABASE": job.database, "REASON": text, "OBJECTIVE": objective.rawValue])
    }
}
