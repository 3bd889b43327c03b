import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Verify: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Read dumps again in full and hold them to their manifests.",
        discussion: """
            SHA-256 of every byte, then every row read back by pg_restore. Ends with 65 when one is damaged, after all have
            been read. A dump whose bytes have changed is noted as damaged: nothing counts on it any more, and nothing removes
            it. One that was noted so counts again when it is whole.

            EXAMPLES
              archon-backupd verify archon_db              the newest dump
              archon-backupd verify archon_db --every      all its dumps
              archon-backupd verify --all --every
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job.") var job: String?
    @Argument(help: "The dump; the newest when none is named.") var dump: String?
    @Flag(help: "All jobs.") var all = false
    @Flag(help: "Every dump, not the newest alone.") var every = false

    func validate() throws {
        if (job == nil) != all { throw ValidationError("Name a job, or give --all.") }
        if dump != nil && every { throw ValidationError("Name a dump or give --every, not both.") }
    }

    func run() async throws {
        let schedule = try config.load()
        var failures: [Failure] = []
        for job in try schedule.jobs(named: job.map { [$0] } ?? []) {
            let folder = JobFolder(job: job, root: schedule.storage.root)
            for stored in try chosen(folder) {
                let progress = Progress(
                    stored.name, expected: stored.manifest.map { ExpectedSize($0) } ?? ExpectedSize(bytes: stored.bytes)
                )
                do {
                    try await interruptible {
                        guard let manifest = stored.anyManifest else {
                            if case .damaged(let fault) = stored.state {
                                throw Failure(.damaged, "\(stored.name) is damaged: \(fault)")
                            }
                            throw Failure(
                                .damaged, "\(stored.name) has no manifest to hold it to",
                                hint: "`archon-backupd adopt` makes one.")
                        }
                        try await Verification.verify(
                            manifest, path: stored.path, container: schedule.server(of: job)?.container,
                            whenChanged: { await note($0, of: manifest, folder, schedule, progress) }
                        ) { progress.show($0) }
                        guard let fault = try await standing(stored, manifest, folder, schedule)
                        else { return }
                        throw Failure(
                            .damaged, "\(stored.name) is as its manifest says, but \(fault)",
                            hint:
                                "`archon-backupd show \(ShellCommand.word(job.name)) \(ShellCommand.word(stored.name))` has the whole reason."
                        )
                    }
                    progress.end()
                    answer("\(stored.name): whole, as its manifest says")
                } catch let failure as Failure {
                    progress.end()
                    // The daemon may have pruned it meanwhile, which is no damage.
                    if stored.anyManifest != nil, try !folder.list().contains(where: { $0.name == stored.name }) {
                        tell("\(stored.name): pruned meanwhile")
                        continue
                    }
                    tell("archon-backupd: \(failure)")
                    failures.append(failure)
                }
            }
        }
        guard let first = failures.first else { return }
        throw Failure(
            first.kind,
            failures.count == 1 ? "1 dump is not as it should be" : "\(failures.count) dumps are not as they should be")
    }

    /// Notes a dump as damaged where everybody looks. That it cannot be noted, on a disk that is read-only, is no other verdict.
    private func note(
        _ reason: String, of manifest: Manifest, _ folder: JobFolder, _ schedule: Schedule, _ progress: Progress
    ) async {
        guard manifest.damage == nil else { return }
        progress.end()
        do {
            let lock = try await lock(folder, schedule)
            let damage = Manifest.Damage(found: Date(), reason: reason)
            guard try folder.note(damage, of: manifest, lock: lock) else { return }
            try await ledger(schedule).noteDamaged(manifest, try folder.list(), now: damage.found)
            withExtendedLifetime(lock) {}
        } catch {
            tell("\(manifest.dump): its damage could not be noted: \((error as? Failure)?.message ?? "interrupted")")
        }
    }

    private func lock(_ folder: JobFolder, _ schedule: Schedule) async throws -> JobLock {
        do {
            return try JobLock.take(folder.job, root: schedule.storage.root)
        } catch let failure as Failure where failure.kind == .busy {
            tell("\(failure.message): what was found is noted as soon as that is done")
            return try await JobLock.wait(folder.job, root: schedule.storage.root)
        }
    }

    /// What is still known against a dump that is as its manifest says. A note of damage goes: somebody has put the bytes back.
    private func standing(_ stored: StoredDump, _ manifest: Manifest, _ folder: JobFolder, _ schedule: Schedule)
        async throws -> String?
    {
        guard manifest.damage != nil else { return stored.fault }
        let lock = try await lock(folder, schedule)
        tell("\(stored.name): was noted as damaged, and is whole now")
        let fault = try folder.clearDamage(of: manifest, lock: lock)?.fault
        try await ledger(schedule).reconcile(folder.job, try folder.list())
        withExtendedLifetime(lock) {}
        return fault
    }

    private func ledger(_ schedule: Schedule) throws -> Ledger {
        try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
    }

    private func chosen(_ folder: JobFolder) throws -> [StoredDump] {
        if every {
            let dumps = try folder.list()
            let unproven = dumps.filter { if case .legacy = $0.state { true } else { false } }
            for dump in unproven { tell("\(dump.name): left by an older tool, there is nothing to hold it to") }
            return dumps.filter { dump in !unproven.contains { $0.name == dump.name } }
        }
        if all, try folder.list().isEmpty { return [] }
        return [try DumpChoice(name: dump).choose(folder)]
    }
}
