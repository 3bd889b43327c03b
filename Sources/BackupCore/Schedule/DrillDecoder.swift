/// Reads "drill", of a job and of `defaults`.
struct DrillDecoder {
    let reader: ScheduleReader
    let triggers: TriggerDecoder
    let servers: ServerNames

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
        if job.drill.trigger == .cron(.never) { job.drill.trigger = DrillRule.weeklyTrigger(for: job.name) }
        if job.drill.trigger.zoneName == nil { job.drill.zone = job.zone }
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
