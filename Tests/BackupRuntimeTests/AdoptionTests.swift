import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What is on the disk after the power fails before each step of taking over a file of the job's own folder (X is its new
/// name, old its old one), and after the same command is given again, which sweeps first:
///
/// before …                            on the disk                              again
///   take the archive                    old                                      taken
///   sync archive                        old, .partial-X.dump                     swept, taken
///   sync folder before, rename archive  old, .partial-X.dump, .partial-X.json    swept, taken
///   sync before / rename manifest       old, X.dump, .partial-X.json             X is published; old goes
///   sync after the manifest             old, all of X                            old goes
///   remove the old name                 old, all of X                            old goes
/// In none of them are the archive's bytes without a name, or two dumps listed for them.
@Suite struct AdoptionTests {
    private struct PowerCut: Error {}

    @Test(arguments: [
        "take the archive", "sync archive", "write manifest", "sync folder before renaming", "rename archive",
        "sync folder before the manifest", "rename manifest", "sync folder after the manifest", "remove the old name",
    ])
    func `a power cut while adopting never loses the archive, and it is adopted once`(step: String) async throws {
        try await withHost { host in
            let database = "adoption_\(step.filter(\.isLetter).lowercased())"
            try await host.server.create(database, "create table t as select 1 id")
            try host.write("\"\(database)\": {\"cron\": \"@daily\"}")
            let job = try #require(try ScheduleFile.load(host.config).jobs.first)
            let own = "\(host.storage)/\(database)"
            let old = "\(own)/backup_\(database)_20251123_020000.dump"
            try Disk.makeFolder(own)
            let said = try await run(
                "\(host.server.bin)/pg_dump",
                ["-Fc", "-f", old, "-d", "host=\(host.server.folder)/pg user=postgres dbname=\(database)"])
            try #require(said.status == 0, "\(said.error)")
            let digest = try await ArchiveDigest.take(old)

            do {
                let lock = try JobLock.take(database, root: host.storage)
                var adoption = Adoption(job: job, root: host.storage)
                let examined = try await adoption.examine(old)
                let snapshot = "\(host.folder)/cut"
                adoption.folder.step = {
                    guard $0 == step else { return }
                    // The cleaning up after an error does not happen when the power fails: each file keeps a name here.
                    try Disk.makeFolder(snapshot)
                    for name in try Disk.names(in: own) { try Disk.link("\(own)/\(name)", to: "\(snapshot)/\(name)") }
                    throw PowerCut()
                }
                await #expect(throws: PowerCut.self) { try await adoption.adopt(examined, lock: lock) }
                try Disk.remove(own)
                try Disk.rename(snapshot, own)
            }
            let listed = try JobFolder(job: job, root: host.storage).list().compactMap(\.manifest)
            #expect(listed.count == (["sync folder after the manifest", "remove the old name"].contains(step) ? 1 : 0))
            let again = try await host.call("adopt", database, own)
            #expect(again.status == 0 && again.lines == ["backup_\(database)_20251123T020000Z"], "\(again.error)")
            let archives = try Disk.names(in: own).filter { $0.hasSuffix(".dump") }
            #expect(archives == ["backup_\(database)_20251123T020000Z.dump"])
            #expect(digest == (try await ArchiveDigest.take("\(own)/\(archives[0])")))
            let dumps = try JobFolder(job: job, root: host.storage).list()
            #expect(dumps.count == 1 && dumps[0].manifest != nil)
            #expect(try Disk.names(in: own).filter { $0.hasPrefix(".partial") }.isEmpty)
            try await host.server.drop(database)
        }
    }
}
