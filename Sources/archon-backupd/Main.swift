import ArgumentParser
import BackupCore
import BackupRuntime

@main
struct ArchonBackupd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archon-backupd", abstract: "Backs up PostgreSQL databases on schedule and brings them back.",
        version: Version.current, subcommands: [])
}
