import BackupCore

/// What the ledger tells the scheduler of jobs.
extension Ledger {
    /// What is known of a job before it is planned.
    package struct Known: Sendable {
        package var facts: JobFacts
        package var state: JobState
        package var previous: RunRequest.Previous?
    }

    /// How far a catalog had been read.
    package struct Revision: Sendable, Equatable {
        var catalog: Int
        var number: Int64
    }

    package struct News: Sendable {
        /// As the catalog has them.
        package var states: [(job: String, state: JobState)]
        package var unwritten: Unwritten
        package var revision: Revision?
    }

    /// What the catalog has not taken, of runs and of drills, by job.
    package struct Unwritten: Sendable {
        package var runs: [String: JobFacts.Account] = [:]
        package var drills: [String: JobFacts.Account] = [:]
        /// Of jobs that are counted from then on, for the clock has come back.
        package var reanchored: [String: JobFacts.Account] = [:]

        package var jobs: Set<String> { Set(runs.keys).union(drills.keys).union(reanchored.keys) }

        package func add(to state: inout JobState, of job: String) {
            if let account = reanchored[job] { state.account = account }
            if let account = runs[job], account.slot >= state.account?.slot ?? .distantPast { state.account = account }
            if let account = drills[job], account.slot >= state.drillAccount?.slot ?? .distantPast {
                state.drillAccount = account
            }
        }
    }
}

extension RunRequest.Previous {
    /// Nil when there was no good dump.
    init?(_ state: JobState) {
        guard let bytes = state.lastBytes else { return nil }
        self.init(bytes: bytes, rows: state.lastRows ?? 0, seconds: state.lastSeconds ?? 0)
    }
}
