import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct ImportCron: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-cron",
        abstract: "Write the schedule.json for an old backup script or crontab.",
        discussion: """
            Reads the schedule block of a script that asks `date` for the hour, or crontab lines; nothing of them is run. What
            the file does otherwise than it seems to, and what is not understood, is told on stderr with its line.

            EXAMPLES
              archon-backupd import-cron /usr/local/bin/backup-all-databases.sh
              archon-backupd import-cron backup-all-databases.sh --output ./schedule.json
              archon-backupd import-cron /etc/cron.d/postgres-backup --time-zone Europe/Sofia
            """)

    @Argument(help: "The script or the crontab.", completion: .file()) var file: String
    @Option(
        help: ArgumentHelp(
            "Write the schedule here, where no file is yet; default stdout.", valueName: "path"))
    var output: String?
    @Option(
        help: ArgumentHelp(
            "The zone of the clock that the old times mean.", discussion: "Default: what the file says, or UTC.",
            valueName: "zone"))
    var timeZone: String?
    @Flag(help: "Print the schedule and what is to be known of the file as JSON.") var json = false

    private struct Answer: Encodable {
        struct Note: Encodable {
            /// 0 for the whole file.
            var line: Int
            var message: String
        }
        var file: String
        var jobs: Int
        var schedule: String
        var notes: [Note]
    }

    func run() async throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Failure(
                .usage, "\(file) cannot be read", hint: "Name the script, or a crontab (`crontab -l > FILE`).")
        }
        if let timeZone, ZoneFiles.lookup(timeZone) == nil {
            throw Failure(
                .usage, "time zone \(timeZone) is unknown",
                hint: "`timedatectl list-timezones` lists the names, such as Europe/Sofia.")
        }
        let found = try ScheduleImport.read(
            String(decoding: data, as: UTF8.self), file: file, zoneName: timeZone, zones: ZoneFiles.lookup)
        // Before anything is said: who has named a place where a file is wants to hear of that alone.
        if let output { try ScheduleFile.writeNew(found.schedule, to: output) }
        if json {
            try answerJSON(
                Answer(
                    file: file, jobs: found.jobCount, schedule: found.schedule,
                    notes: found.notes.map { .init(line: $0.line, message: $0.text) }))
        } else {
            for note in found.notes {
                tell(note.line == 0 ? "\(file): \(note.text)" : "\(file):\(note.line): \(note.text)")
            }
            if output == nil { answer(String(found.schedule.dropLast())) }
        }
        if let output {
            tell(
                "\(output): \(Plural.jobs(found.jobCount)); `archon-backupd check --config \(ShellCommand.word(output))` looks at it"
            )
        }
    }
}
