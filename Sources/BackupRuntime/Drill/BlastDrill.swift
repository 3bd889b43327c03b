import BackupCore
import Foundation

/// Loses one database on purpose, on a server made for it and removed after it: all databases of the job's server are restored
/// there from their newest dumps, the job's is dropped, the others are held to their dumps again, the job's is restored and held
/// to its own, and the others once more. What an operator does on the worst night, with what it must not touch looked at.
package struct BlastDrill: Sendable {
    private let job: Job
    private let schedule: Schedule
    private let stateFolder: String
    private let waitsForLocks: Bool
    private let report: @Sendable (Event) -> Void
    private let progress: @Sendable (String, RunProgress) -> Void
    /// Called with server and database when the job's database is gone; a test changes something there.
    var whenDropped: @Sendable (Server, [String]) async throws -> Void = { _, _ in }
    /// Instead of one made for it; a test gives one that leads to another server.
    var place: (any DrillServer)?

    package init(
        job: Job, schedule: Schedule, stateFolder: String, waitsForLocks: Bool = false,
        report: @escaping @Sendable (Event) -> Void,
        progress: @escaping @Sendable (String, RunProgress) -> Void
    ) {
        self.job = job
        self.schedule = schedule
        self.stateFolder = stateFolder
        self.waitsForLocks = waitsForLocks
        self.report = report
        self.progress = progress
    }

    /// Throws `.damaged` for a dump that does not restore to what its manifest says, `.unavailable` and `.cannotWrite` for what the
    /// host lacks, `.busy` while another drill is in progress or a run of one of the jobs, unless it waits; nothing of it stays in any case.
    package func perform() async throws -> Report {
        let taken = try await taken()
        defer { withExtendedLifetime(taken.lock) {} }
        await DrillLeftovers(stateFolder: stateFolder, report: report).sweepServers(schedule)
        let (subjects, without) = (taken.subjects, taken.without)
        let limit = TimeLimit(
            seconds: subjects.reduce(job.drill.timeoutSeconds) { $0 + $1.job.drill.timeoutSeconds },
            fault: Failure(
                .unavailable, "the blast drill took longer than the drills' timeouts together",
                hint: "Raise \"drill\": { \"timeout\": … } of the largest."))
        let place = try await makePlace(subjects, limit)
        do {
            let report = try await perform(subjects, without, on: place, limit)
            try await place.end()
            return report
        } catch {
            let words = place.lastWords
            try await place.end()
            if Task.isCancelled { throw CancellationError() }
            throw Self.translated(error, words)
        }
    }

    private static func translated(_ error: any Error, _ words: String) -> any Error {
        if let fault = error as? Session.Fault {
            return Failure(.failed, "the server refused a step of the blast drill", cause: "\(fault)\n\(words)")
        }
        guard let failure = error as? Failure, failure.kind == .unavailable, !words.isEmpty else { return error }
        return Failure(
            failure.kind, failure.message, hint: failure.hint,
            cause: [failure.cause, "the server's log: \(words)"].compactMap(\.self).joined(separator: "\n"))
    }

    // MARK: what is restored

    private struct Subject: Sendable {
        let job: Job
        let database: String
        let archive: String
        let manifest: Manifest
        /// Its job's.
        let lock: JobLock
        /// On the server, as it numbers them; and all that its archive holds.
        var oid = ""
        var facts = ArchiveFacts()
        var dumpMajor = 0
    }

    /// Held from reading the list of dumps to the end: pruning must not take one away.
    private struct Taken: Sendable {
        let lock: JobLock
        /// The job's own first.
        var subjects: [Subject]
        var without: [String]
    }

    private func taken() async throws -> Taken {
        while true {
            do {
                return try take()
            } catch let failure as Failure where failure.kind == .busy && waitsForLocks {
                // With none in hand: who holds some and waits for others may wait for who does the same.
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func take() throws -> Taken {
        var taken = Taken(
            lock: try DrillRun.lock(stateFolder), subjects: try [subject(job)].compactMap(\.self), without: [])
        guard !taken.subjects.isEmpty else {
            throw Failure(
                .failed, "\(job.name) has no good dump",
                hint: "Run `archon-backupd backup \(ShellCommand.word(job.name))`.")
        }
        for other in schedule.jobs where other.server == job.server && other.name != job.name {
            if let subject = try subject(other), !taken.subjects.contains(where: { $0.database == subject.database }) {
                taken.subjects.append(subject)
            } else if !taken.subjects.contains(where: { $0.database == other.database }) {
                taken.without.append(other.name)
            }
        }
        return taken
    }

    /// Nil for a job without a good dump.
    private func subject(_ job: Job) throws -> Subject? {
        let lock = try JobLock.take(job.name, root: schedule.storage.root)
        let good = try JobFolder(job: job, root: schedule.storage.root).list().last { $0.manifest != nil }
        guard let stored = good, let manifest = stored.manifest else { return nil }
        return Subject(job: job, database: job.database, archive: stored.path, manifest: manifest, lock: lock)
    }

    private func makePlace(_ subjects: [Subject], _ limit: TimeLimit) async throws -> any DrillServer {
        let sizes = subjects.map { $0.manifest.databaseBytes ?? $0.manifest.bytes * 8 }
        let majors = subjects.map { Int($0.manifest.serverVersion.prefix { $0.isNumber }) ?? $0.manifest.dumpMajor }
        let maker = DrillServerMaker(
            stateFolder: stateFolder, container: schedule.server(of: job)?.container,
            bases: Throwaway.bases([stateFolder, schedule.storage.root]))
        if let place { return place }
        return try await maker.make(major: majors.max() ?? 0, bytes: sizes.reduce(0, +) / 4 * 5, limit)
    }

    /// It was made a moment ago, and its folder is its own; whatever may be wrong with the way to it, no server that is in use is
    /// ever worked on.
    private static func checkPlace(_ place: any DrillServer, _ admin: Session) async throws {
        let found = try await admin.value("SHOW data_directory") ?? ""
        // The server leaves out what a path says twice.
        func parts(_ path: String) -> [Substring] { path.split(separator: "/").filter { $0 != "." } }
        guard !found.isEmpty, parts(found) == parts(place.dataFolder) else {
            throw Failure(
                .failed, "the server that answers is not the one made for the blast drill: its data are in \(found)",
                hint: "Nothing was done there. Look for what leads there: the environment, a service file of libpq.")
        }
    }

    // MARK: the drill

    private func perform(_ subjects: [Subject], _ without: [String], on place: any DrillServer, _ limit: TimeLimit)
        async throws -> Report
    {
        let settings = try place.settings
        // Of no database that is dropped here: a dump of postgres stands in the place of the new server's own.
        let admin = try await AdminSession.open(settings, avoiding: settings.maintenanceDatabase)
        try await Self.checkPlace(place, admin)
        var subjects = subjects
        for index in subjects.indices { try await restore(&subjects[index], settings, admin, limit) }
        let lost = subjects[0]
        try await AdminSession.drop(lost.database, admin, settings)
        try await whenDropped(place.server, subjects.map(\.database))
        var lines = [line(lost)]
        for other in subjects.dropFirst() { lines.append(try await check(other, line(other), settings, admin, limit)) }

        let began = ContinuousClock.now
        try await restore(&subjects[0], settings, admin, limit)
        let seconds = began.duration(to: .now).inSeconds
        lines[0].isSameDatabase = subjects[0].oid == lost.oid
        for (index, other) in subjects.enumerated().dropFirst() where lines[index].isEqual {
            lines[index] = try await check(other, lines[index], settings, admin, limit)
        }
        return Report(
            job: job.name, place: place.server.name, serverVersion: admin.serverVersionText, databases: lines,
            without: without, restoreSeconds: seconds)
    }

    private func line(_ subject: Subject) -> Line {
        Line(
            job: subject.job.name, database: subject.database, dump: subject.manifest.dump,
            tables: subject.facts.tables.count, rows: subject.facts.rows.values.reduce(0, +), isSameDatabase: true,
            isEqual: true)
    }

    private func restore(_ subject: inout Subject, _ settings: ConnectionSettings, _ admin: Session, _ limit: TimeLimit)
        async throws
    {
        do {
            try await fill(&subject, settings, admin, limit)
        } catch let failure as Failure where failure.kind == .damaged {
            throw Failure(
                .damaged, failure.message,
                // It takes the newest good dumps, and can be told of no others.
                hint:
                    "Run `archon-backupd backup \(ShellCommand.word(subject.job.name))`: the next one takes that dump.",
                cause: failure.cause)
        }
    }

    /// As `restore` does it, with the whole comparison.
    private func fill(_ subject: inout Subject, _ settings: ConnectionSettings, _ admin: Session, _ limit: TimeLimit)
        async throws
    {
        let name = subject.job.name
        let (archive, manifest, database) = (subject.archive, subject.manifest, subject.database)
        let check = ArchiveCheck(
            archive: archive, manifest: manifest, limit: limit, container: schedule.server(of: job)?.container)
        let progress: @Sendable (RunProgress) -> Void = { [progress] in progress(name, $0) }
        try await check.digest(progress: progress)
        let early = try await check.readEarly(progress: progress)
        try await RestoreEngine.checkExtensions(manifest, admin, without: .cron)
        let major = max(admin.serverVersion / 10_000, early?.dumpMajor ?? manifest.dumpMajor)
        let engine = RestoreEngine(
            settings: settings, admin: admin, archive: archive, manifest: manifest,
            tools: try await Tools.find(for: settings, serverMajor: major),
            resources: RestoreResources(
                try await RestoreFacts.gather(admin, manifest), workers: subject.job.workers), limit: limit,
            progress: progress)
        _ = try await engine.createRoles()
        _ = try await engine.createUnknownRoles()
        if try await Self.oid(database, admin) != nil {
            // A new server has a postgres; the dump's stands in its place.
            try await admin.query("DROP DATABASE \(SQL.identifier(database)) WITH (FORCE)")
        }
        try await engine.create(database)
        let outcome = try await engine.perform(database) { if let early { early } else { try await check.read() } }
        subject.facts = outcome.facts
        subject.dumpMajor = outcome.reading.dumpMajor
        subject.oid = try await Self.oid(database, admin) ?? ""
    }

    /// Holds a database that nobody was to touch to its dump, and to the number that it had.
    private func check(
        _ subject: Subject, _ line: Line, _ settings: ConnectionSettings, _ admin: Session, _ limit: TimeLimit
    ) async throws -> Line {
        var line = line
        line.isSameDatabase = try await Self.oid(subject.database, admin) == subject.oid
        guard line.isSameDatabase else {
            line.isEqual = false
            line.difference = "it is not the database that it was"
            return line
        }
        progress(subject.job.name, RunProgress(phase: .comparing, bytes: 0))
        let tools = try await Tools.find(
            for: settings, serverMajor: max(admin.serverVersion / 10_000, subject.dumpMajor))
        let comparison = RestoredComparison(
            settings: settings, database: subject.database, expected: subject.facts, manifest: subject.manifest,
            tools: tools, isSameMajor: tools.major == subject.dumpMajor, limit: limit)
        do {
            _ = try await comparison.perform(workers: subject.job.workers ?? 2)
        } catch let failure as Failure where failure.kind == .damaged {
            line.isEqual = false
            line.difference = failure.message
        }
        return line
    }

    private static func oid(_ database: String, _ admin: Session) async throws -> String? {
        try await admin.value("SELECT oid FROM pg_database WHERE datname = $1", [database])
    }
}
