import ArgumentParser
import BackupCore
import BackupRuntime
import Dispatch
import Foundation

@main
struct ArchonBackupd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archon-backupd",
        abstract: "Backs up PostgreSQL databases on schedule and brings them back.",
        discussion: """
            The schedule is /etc/archon-backupd/schedule.json, or $ARCHON_BACKUPD_CONFIG, or --config.

            EXAMPLES
              archon-backupd check --connect      is everything in place?
              archon-backupd backup archon_db     a dump now
              archon-backupd status               what is fine and what is not
              archon-backupd restore archon_db    bring a database back
            """,
        version: Version.current,
        subcommands: [
            DaemonVerb.self, Check.self, Next.self, BackupVerb.self, List.self, Show.self, Status.self, History.self,
            Verify.self, DrillVerb.self, BlastDrillVerb.self, AuditVerb.self, DoctorVerb.self, IsolateVerb.self,
            RunbookVerb.self, Restore.self, RestoreServer.self,
            Prune.self, Adopt.self, ImportCron.self, RebuildCatalog.self,
        ])

    static func main() {
        // Dumps are for their owner alone, whoever calls.
        umask(0o077)
        do {
            try (parseAsRoot() as? any Verb)?.becomeOwner()
        } catch {
            end(error)
        }
        OwnThreads.takeOver()
        // A command is no value that may cross into a task, so that one reads the command line once more.
        // Of medium priority, which all tasks below inherit: for more, Dispatch asks the system to raise its threads, and
        // says in the journal of every service that is not root that it may not.
        Task(priority: .medium) { await perform() }
        dispatchMain()
    }

    private static func perform() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            // The worse of the two has the exit code: an answer that is lost can be asked for again.
            if case .lost(let failure) = Answered.now { tell("archon-backupd: \(failure)") }
            end(error)
        }
        switch Answered.now {
        case .whole: leave(0)
        case .unwanted: leave(128 + SIGPIPE)
        case .lost(let failure): end(failure)
        }
    }

    /// At once: other threads may be in the midst of something, a checksum of the first sweep, say, and libraries that tidy up at
    /// exit would take from under them what they use. What is on the disk is as after kill -9, which everything here withstands.
    private static func leave(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    /// The one place where a failure becomes an exit code.
    private static func end(_ error: any Error) -> Never {
        switch error {
        case let failure as Failure:
            tell("archon-backupd: \(failure)")
            leave(failure.kind.rawValue)
        case let told as Told: leave(told.kind.rawValue)
        case let interrupted as Interrupted:
            tell("archon-backupd: interrupted")
            leave(128 + interrupted.signal)
        default:
            // The parser's own: help and version end with 0, a wrong command line with 64.
            exit(withError: error)
        }
    }
}
