import Foundation

/// Reads times and the zones that they are in. Thousands of jobs may have the same: each is read once and shared.
final class TriggerDecoder {
    private struct Times: Hashable {
        let isCron: Bool
        let text: String
        let zone: String
    }

    private let reader: ScheduleReader
    private let zones: (String) -> Zone?
    private var known: [Times: (trigger: Trigger, zone: Zone)] = [:]

    init(reader: ScheduleReader, zones: @escaping (String) -> Zone?) {
        self.reader = reader
        self.zones = zones
    }

    static let calendarExample = "*-*-* 02:00:00"
    static let cronExample = "0 2 * * *"

    /// What "calendar" or "cron" among `members` says; nil when neither is there, or when it is a fault. A zone at the end
    /// of a calendar takes the place of `zone`.
    func trigger(_ members: JSONNode.Members, _ path: SchedulePath, zone: inout Zone) -> Trigger? {
        if let cron = members["cron"] {
            if members["calendar"] != nil {
                reader.fault(cron.offset, path.key("cron"), "stands beside \"calendar\"", "Keep one of the two.")
            }
            guard let text = reader.string(cron, path.key("cron"), Self.cronExample) else { return nil }
            return known(Times(isCron: true, text: text, zone: zone.name), &zone) { zone in
                expression(cron, path.key("cron"), zone) { .cron(try CronExpression(text)) }
            }
        }
        guard let calendar = members["calendar"],
            let text = reader.string(calendar, path.key("calendar"), Self.calendarExample)
        else { return nil }
        return known(Times(isCron: false, text: text, zone: zone.name), &zone) { zone in
            var named = zone
            let trigger = expression(calendar, path.key("calendar"), zone) {
                let expression = try CalendarExpression(text)
                if let name = expression.zoneName { named = try self.zone(named: name) }
                return .calendar(expression)
            }
            zone = named
            return trigger
        }
    }

    private func zone(named name: String) throws -> Zone {
        if let zone = zones(name) { return zone }
        throw Failure(
            .configInvalid, "the time zone \"\(name)\" is unknown on this host",
            hint: "Write a name such as Europe/Sofia or UTC.")
    }

    /// What was read of the same times before; a fault is told at each place.
    private func known(_ times: Times, _ zone: inout Zone, read: (inout Zone) -> Trigger?) -> Trigger? {
        if let known = known[times] {
            zone = known.zone
            return known.trigger
        }
        guard let trigger = read(&zone) else { return nil }
        known[times] = (trigger, zone)
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
