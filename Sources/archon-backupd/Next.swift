import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Next: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Print the coming times of jobs, or of any expression.",
        discussion: """
            Instants are ISO 8601, in the zone of the job or of --time-zone.

            EXAMPLES
              archon-backupd next                                  the next slot of every job
              archon-backupd next odoo_db --count 5
              archon-backupd next --drills                           when the dumps of every job are drilled
              archon-backupd next --calendar 'Sun 04:00' --time-zone Europe/Sofia
              archon-backupd next --cron '0 2 * * 1-5' --after 2026-03-28T00:00:00Z --count 3 --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "Jobs; all when none is named.") var jobs: [String] = []
    @Option(help: "A systemd calendar expression instead of jobs.") var calendar: String?
    @Option(help: "A cron line instead of jobs.") var cron: String?
    @Option(help: "The zone of --calendar or --cron.") var timeZone: String?
    @Option(help: "Look from this instant on (ISO 8601); default now.") var after: String?
    @Option(help: "How many slots; default 1 for jobs, 5 for an expression.") var count: Int?
    @Flag(help: "The drills of jobs instead of their dumps.") var drills = false
    @Flag(help: "Print JSON.") var json = false

    struct Coming: Encodable {
        var job: String?
        var slot: String
        var instant: Date
    }

    func validate() throws {
        if let count, !(1...100_000).contains(count) { throw ValidationError("--count must be between 1 and 100000.") }
        if calendar != nil && cron != nil { throw ValidationError("--calendar and --cron exclude each other.") }
        if (calendar != nil || cron != nil) && !jobs.isEmpty {
            throw ValidationError("Name jobs or an expression, not both.")
        }
        if (calendar != nil || cron != nil) && drills { throw ValidationError("--drills goes with jobs.") }
        if timeZone != nil && calendar == nil && cron == nil {
            throw ValidationError("--time-zone goes with --calendar or --cron.")
        }
    }

    func run() async throws {
        let coming = try expression().map { try slots(of: $0.trigger, in: $0.zone) } ?? slotsOfJobs()
        if json { return try answerJSON(coming) }
        let named = calendar == nil && cron == nil && jobs.count != 1
        for slot in coming { answer(named ? "\(slot.slot)  \(slot.job ?? "")" : slot.slot) }
    }

    private func expression() throws -> (trigger: Trigger, zone: Zone)? {
        let zone = try timeZone.map { try self.zone(named: $0) }
        do {
            if let cron { return (.cron(try CronExpression(cron)), zone ?? .utc) }
            guard let calendar else { return nil }
            let expression = try CalendarExpression(calendar)
            return (.calendar(expression), try expression.zoneName.map { try self.zone(named: $0) } ?? zone ?? .utc)
        } catch let failure as Failure {
            throw Failure(.usage, failure.message, hint: failure.hint)
        }
    }

    private func zone(named name: String) throws -> Zone {
        do {
            return try ZoneFiles.zone(named: name)
        } catch let failure as Failure {
            throw Failure(.usage, failure.message, hint: failure.hint)
        }
    }

    private func start() throws -> Date {
        guard let after else { return Date() }
        guard let date = Instant.parse(after) else {
            throw Failure(.usage, "--after \"\(after)\" is no instant", hint: "Write it like 2026-03-28T00:00:00Z.")
        }
        return date
    }

    private func slots(of trigger: Trigger, in zone: Zone) throws -> [Coming] {
        let found = coming(trigger, zone, count: count ?? 5, job: nil, from: try start())
        guard !found.isEmpty else { throw Failure(.failed, "\"\(trigger.source)\" names no instant to come") }
        return found
    }

    private func slotsOfJobs() throws -> [Coming] {
        let from = try start()
        let jobs = try config.load().jobs(named: jobs).filter { $0.isEnabled && (!drills || $0.drill.isEnabled) }
        return jobs.flatMap { job in
            let (trigger, zone) = drills ? (job.drill.trigger, job.drill.zone) : (job.trigger, job.zone)
            return coming(trigger, zone, count: count ?? 1, job: job.name, from: from)
        }
        .sorted { ($0.instant, $0.job ?? "") < ($1.instant, $1.job ?? "") }
    }

    private func coming(_ trigger: Trigger, _ zone: Zone, count: Int, job: String?, from: Date) -> [Coming] {
        var found: [Coming] = []
        var cursor = from
        while found.count < count, let slot = trigger.next(after: cursor, in: zone) {
            found.append(Coming(job: job, slot: zone.iso8601(slot), instant: slot))
            cursor = slot
        }
        return found
    }
}
