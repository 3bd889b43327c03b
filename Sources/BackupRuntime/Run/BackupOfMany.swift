import BackupCore
import Foundation

/// Runs of many jobs for a person: as many at once as each server's `concurrency`, and the schedule's, allow.
package struct BackupOfMany: Sendable {
    /// How one of them went, for people and as JSON.
    package struct Outcome: Sendable, Encodable {
        package var job: String
        package var server: String
        package var database: String
        /// `succeeded`, `failed`, `busy`, `interrupted`; `closed` and `vanished` for a found database that was not run.
        package var outcome: String
        package var dump: String?
        package var bytes: Int64?
        package var rows: Int?
        package var seconds: Double?
        package var error: String?
        package var failure: Failure?

        init(_ job: Job, _ outcome: String, error: String? = nil, failure: Failure? = nil) {
            self.job = job.name
            server = job.server
            database = job.database
            self.outcome = outcome
            self.error = error ?? failure?.message
            self.failure = failure
        }

        private enum CodingKeys: String, CodingKey {
            case job, server, database, outcome, dump, bytes, rows, seconds, error
        }
    }

    private let schedule: Schedule
    private let ledger: Ledger
    private let runner: JobRun

    package init(_ schedule: Schedule, ledger: Ledger, runner: JobRun) {
        self.schedule = schedule
        self.ledger = ledger
        self.runner = runner
    }

    /// In the order of the jobs; a failure stops no other. When the task is cancelled, those in progress are interrupted and no
    /// more are begun.
    package func perform(_ jobs: [Job]) async -> [Outcome] {
        let known = await ledger.known(of: schedule, now: Date())
        var outcomes: [Int: Outcome] = [:]
        var waiting = Array(jobs.indices)
        var busy: [String: Int] = [:]
        await withTaskGroup(of: (Int, Outcome).self) { group in
            var running = 0
            while true {
                while !Task.isCancelled, running < schedule.concurrency,
                    let place = waiting.firstIndex(where: { hasRoom(for: jobs[$0], busy) })
                {
                    let number = waiting.remove(at: place)
                    let job = jobs[number]
                    busy[job.server, default: 0] += 1
                    running += 1
                    group.addTask { (number, await perform(job, known[job.name]?.previous)) }
                }
                guard let (number, outcome) = await group.next() else { return }
                outcomes[number] = outcome
                busy[jobs[number].server, default: 1] -= 1
                running -= 1
            }
        }
        return jobs.indices.map { outcomes[$0] ?? Outcome(jobs[$0], "interrupted") }
    }

    private func hasRoom(for job: Job, _ busy: [String: Int]) -> Bool {
        busy[job.server, default: 0] < (schedule.server(of: job)?.concurrency ?? 1)
    }

    private func perform(_ job: Job, _ previous: RunRequest.Previous?) async -> Outcome {
        if job.found?.standing == .closed || job.found?.standing == .vanished {
            return Outcome(job, job.found?.standing.rawValue ?? "", error: job.found?.absence)
        }
        guard let server = schedule.server(of: job) else {
            return Outcome(job, "failed", failure: Failure(.configInvalid, "\(job.name) has no server"))
        }
        let request = RunRequest(job: job, server: server, storage: schedule.storage, previous: previous)
        switch await runner.perform(request, progress: { _ in }) {
        case .succeeded(let manifest):
            var outcome = Outcome(job, "succeeded")
            outcome.dump = manifest.dump
            outcome.bytes = manifest.bytes
            outcome.rows = manifest.totalRows
            outcome.seconds = manifest.ended.timeIntervalSince(manifest.began)
            return outcome
        case .failed(let failure): return Outcome(job, "failed", failure: failure)
        case .busy(let failure): return Outcome(job, "busy", failure: failure)
        case .interrupted: return Outcome(job, "interrupted")
        }
    }
}
