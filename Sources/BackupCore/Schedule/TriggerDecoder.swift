import Foundation

/// Reads times and the zones that they are in.
struct TriggerDecoder {
    let reader: ScheduleReader
    let zones: (String) -> Zone?

    static let calendarExample = "*-*-* 02:00:00"
    static let cronExample = "0 2 * * *"

    /// What "calendar" or "cron" among `members` says; nil when neither is there, or when it is a fault. A zone at the end
    /// of a calendar takes the place of `zone`.
    func trigger(_ members: [String: JSONNode], _ path: SchedulePath, zone: inout Zone) -> Trigger? {
        if let cron = members["cron"] {
            if members["calendar"] != nil {
                reader.fault(cron.offset, path.key("cron"), "stands beside \"calendar\"", "Keep one of the two.")
            }
            guard let text = reader.string(cron, path.key("cron"), Self.cronExample) else { return nil }
            return expression(cron, path.key("cron"), zone) { .cron(try CronExpression(text)) }
        }
        guard let calendar = members["calendar"],
            let text = reader.string(calendar, path.key("calendar"), Self.calendarExample)
        else { return nil }
        var named = zone
        let trigger = expression(calendar, path.key("calendar"), zone) {
            let expression = try CalendarExpression(text)
            if let name = expression.zoneName {
                guard let found = zones(name) else {
                    throw Failure(
                        .configInvalid, "the time zone \"\(name)\" is unknown on this host",
                        hint: "Write a name such as Europe/Sofia or UTC.")
                }
                named = found
            }
            return .calendar(expression)
        }
        zone = named
        return trigger
    }

    /// Nil when it is missing or a fault.
    func zone(_ node: JSONNode?, _ path: SchedulePath) -> Zone? {
        guard let name = reader.string(node, path, "Europe/Sofia"), let node else { return nil }
        guard let zone = zones(name) else {
            reader.fault(
                node.offset, path, "the time zone \"\(name)\" is unknown on this host",
                "Write a name such as \"Europe/Sofia\" or \"UTC\"; tzdata must be installed.")
            return nil
        }
        return zone
    }

    private func expression(
        _ node: JSONNode, _ path: SchedulePath, _ zone: Zone, _ make: () throws -> Trigger
    ) -> Trigger? {
        do {
            let trigger = try make()
            // A day before 1970, where calendar expressions begin. One that names the past only cannot be told from here.
            guard trigger.next(after: Date(timeIntervalSince1970: -86_400), in: zone) != nil else {
                throw Failure(
                    .configInvalid, "it names a day that no year has", hint: "Look at the month and the day beside it.")
            }
            return trigger
        } catch {
            let failure = error as? Failure
            reader.fault(
                node.offset, path, failure?.message ?? "\(error)",
                failure?.hint ?? "Write it like \"\(Self.calendarExample)\"; docs/time.md has more.")
            return nil
        }
    }
}
