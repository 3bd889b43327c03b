import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct RebuildCatalog: Verb {
    static let configuration = CommandConfiguration(
        commandName: "rebuild-catalog", abstract: "Make the catalog again from the manifests.",
        discussion: """
            The old one is kept beside it under a name with the time. No dump is touched. Stop the daemon first; it does this
            by itself when it finds its catalog damaged.

            EXAMPLES
              archon-backupd rebuild-catalog
            """)

    @OptionGroup var config: ConfigOption

    func run() async throws {
        let schedule = try config.load()
        let folder = Daemon.stateFolder(of: schedule)
        let lock = try Daemon.lock(folder)
        let catalog = try Ledger.rebuild(folder: folder, jobs: schedule.jobs, root: schedule.storage.root)
        try catalog.claim(root: schedule.storage.root, now: Date())
        let count = try catalog.dumpTotals().values.reduce(0) { $0 + $1.count }
        withExtendedLifetime(lock) {}
        answer("\(Catalog.path(in: folder)): made again from \(count) manifests")
    }
}
