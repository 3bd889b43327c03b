import ArgumentParser
import BackupRuntime

struct DaemonVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "daemon", abstract: "Run the service in the foreground: what the systemd unit starts.",
        discussion: """
            SIGHUP reloads the schedule, SIGTERM stops: a run that is nearly done is let finish, any other is interrupted and
            made up for at the next start.

            EXAMPLES
              archon-backupd daemon
              archon-backupd daemon --config ./schedule.json
            """)

    @OptionGroup var config: ConfigOption

    func run() async throws { try await Daemon(path: config.path).run() }
}
