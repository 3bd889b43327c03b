import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

/// Where the schedule is: `--config`, else ARCHON_BACKUPD_CONFIG, else the usual place.
struct ConfigOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The schedule.", discussion: "Default: $ARCHON_BACKUPD_CONFIG, or \(ScheduleFile.usualPath).",
            valueName: "path"))
    var config: String?

    var path: String {
        config ?? ProcessInfo.processInfo.environment["ARCHON_BACKUPD_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
            ?? ScheduleFile.usualPath
    }

    /// For a command that is to be run next: ` --config PATH`, quoted, where this one was told so.
    var repeated: String { config.map { " --config \(ShellCommand.word($0))" } ?? "" }

    /// With the jobs of the databases that discovery has found.
    func load() throws -> Schedule { try ScheduleFile.loadWithFound(path) }

    /// As it is written.
    func loadWritten() throws -> Schedule { try ScheduleFile.load(path) }

    /// The same, for who only looks at it before the command loads it.
    func look() throws -> Schedule { try ScheduleFile.look(path) }
}

/// A command that works with the schedule.
protocol Verb: AsyncParsableCommand {
    var config: ConfigOption { get }
    /// Whether root does this work as the owner of dumps and catalog.
    var actsAsOwner: Bool { get }
    /// What root does before it becomes the owner: look at what only root may see.
    func lookAsRoot()
}

extension Verb {
    var actsAsOwner: Bool { true }

    func lookAsRoot() {}

    /// Only before other threads are there: one that the system takes for ending would stay root.
    func becomeOwner() throws {
        // What is wrong with the schedule is for the verb itself to say.
        if geteuid() == 0 { lookAsRoot() }
        guard geteuid() == 0, actsAsOwner, let schedule = try? config.look() else { return }  // see above
        if let user = try ServiceUser.become(for: schedule), isatty(2) == 1 {
            tell("acting as \(user), who owns \(schedule.storage.root)")
        }
    }
}

extension Schedule {
    /// The server of that name, or all when none is named; an unknown name is a failure that lists the known.
    func servers(named name: String?) throws -> [Server] {
        guard let name else { return servers }
        guard let server = servers.first(where: { $0.name == name }) else {
            throw Failure(
                .usage, "there is no server \"\(name)\" in the schedule",
                hint: "Its servers are: \(servers.map(\.name).joined(separator: ", ")).")
        }
        return [server]
    }

    /// The jobs of those names in the order given, or all when none is; an unknown name is a failure that lists the known.
    func jobs(named names: [String]) throws -> [Job] {
        if names.isEmpty { return jobs }
        return try names.map { name in
            guard let job = job(named: name) else {
                throw Failure(
                    .usage, "there is no job \"\(name)\" in the schedule",
                    hint: jobsHint)
            }
            return job
        }
    }
}

/// A value as JSON on stdout: sorted keys, ISO 8601 instants in UTC.
func answerJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
        var container = encoder.singleValueContainer()
        try container.encode(Zone.utc.iso8601(date))
    }
    answer(String(decoding: try encoder.encode(value), as: UTF8.self))
}

extension Zone {
    /// To the second, for tables.
    func wholeSeconds(_ date: Date) -> String {
        iso8601(Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down)))
    }
}
