import BackupCore

/// What is left of a run's `timeout`, from its making on.
struct RunLimit: Sendable {
    private let end: ContinuousClock.Instant
    private let job: Job

    init(_ job: Job) {
        self.job = job
        end = .now + .seconds(job.timeoutSeconds)
    }

    /// Seconds; throws `fault` when nothing is left.
    func remaining() throws -> Double {
        let left = ContinuousClock.now.duration(to: end)
        guard left > .zero else { throw fault }
        return Double(left.components.seconds) + Double(left.components.attoseconds) / 1e18
    }

    var fault: Failure {
        Failure(
            .failed, "the run took longer than its timeout of \(TimeSpan.text(job.timeoutSeconds))",
            hint: "Raise \"timeout\" of \(job.name), or find what slows the server down.")
    }
}
