/// Reads "drill", of a job and of `defaults`.
final class DrillDecoder {
    private let reader: ScheduleReader
    private let triggers: TriggerDecoder
    private let servers: ServerNames
    /// The rules that follow from defaults alone, by time and zone.
    private var weekly: [String: Copied<DrillRule>] = [:]

    init(reader: ScheduleReader, triggers: TriggerDecoder, servers: ServerNames) {
        self.reader = reader
        self.triggers = triggers
        self.servers = servers
    }

    /// What a job's drill does not say stays as `defaults` has it; its assertions stand in place of those there.
    func drill(_ node: JSONNode?, _ path: SchedulePath, into drill: inout DrillRule) {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.drill) else { return }
        if let enabled = reader.bool(members["enabled"], path.key("enabled")) { drill.isEnabled = enabled }
        if let trigger = triggers.trigger(members, path, zone: &drill.zone) { drill.trigger = trigger }
        if let place = place(members["on"], path.key("on")) { drill.place = place }
        let example = "SELECT count(*) > 0 FROM orders"
        if let assertions = reader.strings(members["assertions"], path.key("assertions"), example) {
            drill.assertions = assertions
        }
        if let seconds = reader.seconds(members["timeout"], path.key("timeout"), 1...(31 * 86_400)) {
            drill.timeoutSeconds = seconds
        }
    }

    /// Gives the drill of a job for which nobody named times its time in the week, and its times the job's zone unless
    /// they name their own.
    static func complete(_ job: inout Job) {
        let rule = job.drill
        if rule.trigger == .cron(.never) { job.drill.trigger = DrillRule.weeklyTrigger(for: job.name) }
        if job.drill.trigger.zoneName == nil { job.drill.zone = job.zone }
    }

    /// The same, with one rule for all jobs whose drills are at the same time and as `defaults` says.
    func complete(_ job: inout Job, like defaults: Job) {
        guard job.sharesDrill(with: defaults), job.drill.trigger == .cron(.never) else { return Self.complete(&job) }
        let key = "\(DrillRule.weeklyMinute(for: job.name)) \(job.zone.name)"
        if let rule = weekly[key] { return job.share(rule) }
        Self.complete(&job)
        weekly[key] = Copied(wrappedValue: job.drill)
    }

    private func place(_ node: JSONNode?, _ path: SchedulePath) -> DrillRule.Place? {
        let throwaway = DrillRule.Place.throwawayName
        guard let name = reader.string(node, path, throwaway), let node else { return nil }
        if name == throwaway { return .throwaway }
        guard servers.contains(name) else {
            let known = [throwaway] + servers.shown.filter { $0 != throwaway }
            reader.fault(
                node.offset, path, "there is no server \"\(name)\"", "Write one of \(known.joined(separator: ", ")).")
            return nil
        }
        return .server(name)
    }
}
