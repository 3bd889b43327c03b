import BackupCore

/// What is left of the time that a piece of work has, from its making on.
struct TimeLimit: Sendable {
    private let end: ContinuousClock.Instant
    /// What to say when it is over.
    let fault: Failure

    init(seconds: Double, fault: Failure) {
        self.fault = fault
        end = .now + .seconds(seconds)
    }

    /// A job's `timeout`.
    init(_ job: Job) {
        self.init(
            seconds: job.timeoutSeconds,
            fault: Failure(
                .failed, "the run took longer than its timeout of \(TimeSpan.text(job.timeoutSeconds))",
                hint: "Raise \"timeout\" of \(job.name), or find what slows the server down."))
    }

    /// Of what a person waits for and can interrupt: a month.
    static var patient: TimeLimit {
        TimeLimit(seconds: 31 * 86_400, fault: Failure(.failed, "it took longer than a month"))
    }

    /// Seconds; throws `fault` when nothing is left.
    func remaining() throws -> Double {
        let left = ContinuousClock.now.duration(to: end)
        guard left > .zero else { throw fault }
        return left.inSeconds
    }
}

extension Duration {
    /// With fractions.
    package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
