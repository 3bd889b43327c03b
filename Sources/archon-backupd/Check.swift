import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Check: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Say whether the schedule is right, and with --connect whether everything it names is there.",
        discussion: """
            Every fault is named at once, with line, column and what to write instead. Ends with 0 or 78; with --connect
            also 69 (a server, database or tool is missing) or 73 (no room, not writable).

            EXAMPLES
              archon-backupd check
              archon-backupd check --connect
              archon-backupd check --config ./schedule.json --json
            """)

    @OptionGroup var config: ConfigOption
    @Flag(help: "Also reach every server, find tools and databases, and try the storage folder.") var connect = false
    @Flag(help: "Print JSON.") var json = false

    struct Found: Encodable {
        struct Fault: Encodable {
            var line: Int
            var column: Int
            var path: String
            var message: String
            var hint: String
        }
        var file: String
        var valid: Bool
        var jobs: Int
        var servers: Int
        var faults: [Fault]
        var findings: [Finding]
    }

    func run() async throws {
        let faults: [ScheduleFault]
        do {
            faults = try ScheduleFile.faults(config.path)
        } catch let failure as Failure {
            // Whoever asks for JSON gets it, whatever stands in the file's place.
            if json {
                try answerFaults([
                    ScheduleFault(
                        file: config.path, line: 1, column: 1, path: "$", message: failure.message,
                        hint: failure.hint ?? "Look at the file.")
                ])
            }
            throw failure
        }
        guard faults.isEmpty else {
            if json { try answerFaults(faults) }
            throw Failure(faults)
        }
        let schedule = try config.loadWritten()
        let findings = connect ? await Preflight.check(schedule) : []
        if json {
            try answerJSON(
                Found(
                    file: config.path, valid: true, jobs: schedule.jobs.count, servers: schedule.servers.count,
                    faults: [],
                    findings: findings))
        } else {
            for finding in findings { answer(finding.description) }
            let servers = Plural.of(schedule.servers.count, "server", "servers")
            let more = schedule.discovers ? ", and one for each database that discovery finds" : ""
            answer("\(config.path): valid, \(Plural.jobs(schedule.jobs.count)) on \(servers)\(more)")
        }
        if let bad = findings.first(where: { $0.failure != nil }), let failure = bad.failure {
            let count = findings.count { $0.failure != nil }
            throw Failure(
                failure.kind, "\(count) of \(findings.count) checks failed, the first: \(failure.message)",
                hint: failure.hint, cause: failure.cause)
        }
    }

    private func answerFaults(_ faults: [ScheduleFault]) throws {
        try answerJSON(
            Found(
                file: config.path, valid: false, jobs: 0, servers: 0,
                faults: faults.map {
                    .init(line: $0.line, column: $0.column, path: $0.path, message: $0.message, hint: $0.hint)
                },
                findings: []))
    }
}
