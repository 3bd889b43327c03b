import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Adopt: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Make a dump of an archive that has no manifest: of the older shell script, or of pg_dump.",
        discussion: """
            The archive is read in full and gets a manifest; from then on it is a dump like any other, and retention counts it.
            One that lies in the job's folder is taken over under its new name; one from elsewhere is copied, and stays.
            Of a folder, and of the one in it with the database's name, those are taken that are named
            backup_<database>_YYYYmmdd_HHMMSS.dump. One that is empty, truncated, compressed, of another database, of a part of
            this one or from the future is named and left, the others are taken; ends with the code of the worst.

            EXAMPLES
              archon-backupd adopt archon_db /backups/supabase-ai/archon_db/backup_archon_db_20251123_020000.dump
              archon-backupd adopt archon_db /backups/supabase-ai --dry-run
              archon-backupd adopt archon_db /backups/supabase-ai --time-zone Europe/Sofia
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job.") var job: String
    @Argument(help: "The archives, or folders of them.", completion: .file()) var files: [String]
    @Option(
        help: ArgumentHelp(
            "The zone of the clock that named backup_<database>_YYYYmmdd_HHMMSS.dump.",
            discussion: "Default: the job's zone.", valueName: "zone"))
    var timeZone: String?
    @Flag(help: "Take one that has no more than half of the tables of the dump before it.") var allowPartial = false
    @Flag(help: "Read them and say what would be taken; nothing is changed.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Wait for a job that another process works on.") var wait = false

    private struct Answer: Encodable {
        enum Outcome: String, Encodable {
            case adopted
            case wouldBeAdopted = "would-be-adopted"
            case alreadyADump = "already-a-dump"
            case left
        }
        var file: String
        var outcome: Outcome
        /// The dump that it is or would be.
        var dump: String?
        var time: Date?
        var bytes: Int64?
        /// Why it was left.
        var reason: String?
    }

    func run() async throws {
        let schedule = try config.load()
        let job = try schedule.jobs(named: [job])[0]
        let root = schedule.storage.root
        let zone = try zone(of: job)
        let adoption = Adoption(
            job: job, root: root, container: schedule.server(of: job)?.container, zone: zone,
            minimumFree: schedule.storage.minimumFree, allowsPartial: allowPartial)
        var answers: [Answer] = []
        var faults: [Failure] = []
        let lock = dryRun ? nil : try await takeLock(job, root: root)
        if let lock { try adoption.sweep(lock: lock) }
        let paths = try archives(adoption, &answers, &faults)
        let names = paths.map { ($0 as NSString).lastPathComponent }
        if timeZone == nil, names.contains(where: { DumpName.legacyTime(of: $0, database: job.database) != nil }) {
            tell(
                "times in names are read as those of a clock in \(zone.name), the job's zone; --time-zone names another"
            )
        }
        let ledger = try lock.map { _ in
            try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
        }
        var planned: [Adoption.Examined] = []
        for path in paths {
            do {
                let one = try await take(path, adoption, lock, zone, &planned)
                answers.append(one)
                if !json { answer(dryRun ? line(one) : one.dump ?? "") }
            } catch let failure as Failure {
                leave(path, failure, &answers, &faults)
                continue
            }
            await ledger?.noteAdopted(job.name, try JobFolder(job: job, root: root).list(), now: Date())
        }
        if json { try answerJSON(answers) }
        guard let worst = Failure.worst(faults) else { return }
        // Each has been told.
        throw Told(kind: worst.kind)
    }

    private func zone(of job: Job) throws -> Zone {
        guard let timeZone else { return job.zone }
        do {
            return try ZoneFiles.zone(named: timeZone)
        } catch let failure as Failure {
            throw Failure(.usage, failure.message, hint: failure.hint)
        }
    }

    private func archives(_ adoption: Adoption, _ answers: inout [Answer], _ faults: inout [Failure]) throws -> [String]
    {
        var paths: [String] = []
        for file in files {
            do {
                for path in try adoption.archives(at: file) where !paths.contains(path) { paths.append(path) }
            } catch let failure as Failure {
                leave(file, failure, &answers, &faults)
            }
        }
        return paths
    }

    private func takeLock(_ job: Job, root: String) async throws -> JobLock {
        wait ? try await JobLock.wait(job.name, root: root) : try JobLock.take(job.name, root: root)
    }

    /// Without a lock nothing is changed, and `planned` are those that would be dumps.
    private func take(
        _ path: String, _ adoption: Adoption, _ lock: JobLock?, _ zone: Zone, _ planned: inout [Adoption.Examined]
    ) async throws -> Answer {
        let (examined, dump) = try await interruptible { [planned] in
            let examined = try await adoption.examine(path, after: planned)
            guard let lock else { return (examined, try adoption.name(of: examined)) }
            return (examined, try await adoption.adopt(examined, lock: lock))
        }
        if lock == nil { planned.append(examined) }
        let time = zone.wholeSeconds(examined.began)
        if examined.isAmbiguous {
            tell("\(path): the clock in \(zone.name) showed that time twice; the first is taken, \(time)")
        }
        if let began = examined.alreadyBegan {
            let other = began == examined.began ? "" : ", taken to be of \(zone.wholeSeconds(began)) and not of \(time)"
            tell("\(path): is the dump \(dump) already\(other)")
        }
        return Answer(
            file: path,
            outcome: examined.already != nil ? .alreadyADump : lock == nil ? .wouldBeAdopted : .adopted,
            dump: dump, time: examined.alreadyBegan ?? examined.began, bytes: examined.bytes)
    }

    private func leave(_ path: String, _ failure: Failure, _ answers: inout [Answer], _ faults: inout [Failure]) {
        let text = failure.description
        // Most begin with the path.
        let reason = text.hasPrefix("\(path) ") ? "it \(text.dropFirst(path.count + 1))" : text
        tell("archon-backupd: \(path) is left: \(reason)")
        faults.append(failure)
        answers.append(Answer(file: path, outcome: .left, reason: failure.message))
    }

    private func line(_ one: Answer) -> String {
        "\(one.file) -> \(one.dump ?? ""), \(ByteSize.text(one.bytes ?? 0))"
            + (one.outcome == .alreadyADump ? ", a dump already" : "")
    }
}
