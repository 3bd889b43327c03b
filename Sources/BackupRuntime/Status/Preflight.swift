import BackupCore
import Foundation

/// One thing that `check --connect` looked at.
package struct Finding: Sendable, Encodable, CustomStringConvertible {
    package var what: String
    package var failure: Failure?

    package var description: String {
        failure.map { "FAIL  \(what): \($0.description.replacing("\n", with: "\n      "))" } ?? "ok    \(what)"
    }

    private enum CodingKeys: String, CodingKey { case what, ok, message, hint }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(what, forKey: .what)
        try container.encode(failure == nil, forKey: .ok)
        try container.encodeIfPresent(failure?.message, forKey: .message)
        try container.encodeIfPresent(failure?.hint, forKey: .hint)
    }
}

/// Looks whether what a schedule names is there; changes nothing but the storage folder, which it makes.
package enum Preflight {
    package static func check(_ schedule: Schedule) async -> [Finding] {
        var findings = [await finding("storage \(schedule.storage.root)") { try checkStorage(schedule.storage) }]
        for server in schedule.servers {
            let jobs = schedule.jobs.filter { $0.server == server.name && $0.isEnabled }
            findings += await check(server, jobs, schedule)
        }
        return findings
    }

    static func finding(_ what: String, _ body: () async throws -> Void) async -> Finding {
        do {
            try await body()
            return Finding(what: what)
        } catch {
            return Finding(what: what, failure: error as? Failure ?? Failure(.failed, "\(error)"))
        }
    }

    private static func checkStorage(_ storage: Schedule.Storage) throws {
        try Disk.makeFolder(storage.root)
        let probe = "\(storage.root)/.partial-check-\(getpid())"
        try Disk.write(Data("check\n".utf8), to: probe)
        try Disk.remove(probe)
        let free = try Disk.freeBytes(at: storage.root)
        guard free >= storage.minimumFree else {
            throw Failure(
                .cannotWrite,
                "\(ByteSize.text(free)) are free, and minimumFree is \(ByteSize.text(storage.minimumFree))",
                hint: "Free some room or lower storage.minimumFree.")
        }
    }

    private static func check(_ server: Server, _ jobs: [Job], _ schedule: Schedule) async -> [Finding] {
        var findings: [Finding] = []
        let settings: ConnectionSettings
        do {
            settings = try ConnectionSettings(server)
        } catch {
            return [Finding(what: "server \(server.name)", failure: error as? Failure ?? Failure(.failed, "\(error)"))]
        }
        var version = 0
        findings.append(
            await finding("server \(server.name) (\(settings.place))") {
                version = try await Session.open(
                    settings, database: settings.maintenanceDatabase, applicationName: ApplicationName.own
                ).serverVersion
            })
        guard version > 0 else { return findings }
        findings.append(
            await finding("tools for PostgreSQL \(version / 10_000)") {
                _ = try await Tools.find(for: settings, serverMajor: version / 10_000)
            })
        let discovered = await discovery(on: server, schedule)
        findings += discovered.findings
        for job in jobs + discovered.jobs {
            findings.append(
                await finding("database \(job.database) of \(job.name)") {
                    let session = try await Session.open(
                        settings, database: job.database, applicationName: ApplicationName.own)
                    for (patterns, isSchema) in [
                        (job.excludeTables + job.excludeTableData, false), (job.schemas, true),
                    ] {
                        let unmatched = try await DatabaseFacts.unmatched(patterns, isSchema: isSchema, session)
                        guard unmatched.isEmpty else {
                            throw Failure(
                                .failed, "these patterns match nothing: \(unmatched.joined(separator: ", "))",
                                hint: "Correct them or take them out.")
                        }
                    }
                })
        }
        return findings
    }
}
