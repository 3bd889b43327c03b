/// Reads "objectives", and finds how much data may be lost where nobody said.
final class ObjectivesDecoder {
    private struct Times: Hashable {
        let isCron: Bool
        let source: String
        let zone: String
    }

    private let reader: ScheduleReader
    /// Thousands of jobs may have the same times.
    private var found: [Times: Double] = [:]

    private static let year = 366.0 * 86_400

    init(reader: ScheduleReader) { self.reader = reader }

    /// What a job's objectives do not say stays as `defaults` has it.
    func objectives(_ node: JSONNode?, _ path: SchedulePath, into objectives: inout Objectives) {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.objectives) else { return }
        if let seconds = reader.seconds(members["rpo"], path.key("rpo"), 1...(100 * Self.year)) {
            objectives.rpoSeconds = seconds
            objectives.rpoIsExplicit = true
        }
        if let seconds = reader.seconds(members["rto"], path.key("rto"), 1...(31 * 86_400)) {
            objectives.rtoSeconds = seconds
        }
    }

    /// Fills in what follows from the job's times.
    func complete(_ job: inout Job) {
        guard !job.objectives.rpoIsExplicit else { return }
        let isCron = if case .cron = job.trigger { true } else { false }
        let times = Times(isCron: isCron, source: job.trigger.source, zone: job.zone.name)
        let seconds = found[times] ?? Objectives.rpoSeconds(of: job.trigger, in: job.zone)
        found[times] = seconds
        job.objectives.rpoSeconds = seconds
    }
}
