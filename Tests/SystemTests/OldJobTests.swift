import BackupCore
import Foundation
import TestSupport
import Testing

/// What is left of the old cron job, in real files below a folder that looks like a host's root.
@Suite struct OldJobTests {
    private static let call = "/opt/backup-all-databases.sh"

    private func put(_ text: String, _ host: TestHost, _ path: String) throws {
        let file = URL(fileURLWithPath: "\(host.folder)/root\(path)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func doctor(_ host: TestHost, status: Int32) async throws -> DoctorAnswer {
        try await host.doctor("--only", "old-job", "--root-folder", "\(host.folder)/root", status: status)
    }

    @Test func `every line that calls the script is told, with the file and how it goes`() async throws {
        try await withHost { host in
            try host.write("\"app\": {\(VerbTests.often)}")
            try put("# SHELL\n17 * * * * root run-parts /etc/cron.hourly\n", host, "/etc/crontab")
            try put("[Service]\nExecStart=/usr/bin/archon-backupd daemon\n", host, "/etc/systemd/system/a.service")
            let calm = try await doctor(host, status: 0)
            #expect(calm.lines == ["pass backup-all-databases.sh"] && calm.checks[0].found.hasSuffix("in 2 files"))

            try put("MAILTO=ops\n0 0,6,12,18 * * * \(Self.call) >/dev/null\n", host, "/var/spool/cron/crontabs/deploy")
            try put("#!/bin/sh\nexec \(Self.call)\n", host, "/etc/cron.daily/dumps")
            try put("0 2 * * * root \(Self.call)\n#0 3 * * * root \(Self.call)\n", host, "/etc/cron.d/backup")
            try put("[Service]\nExecStart=/bin/sh \\\n  -c \(Self.call)\n", host, "/lib/systemd/system/dumps.service")
            // Not of its name; and one of its name that begins another.
            try put("[Timer]\nOnCalendar=daily\nUnit = dumps.service\n", host, "/etc/systemd/system/nightly.timer")
            try put("[Timer]\n# Unit=other.service\nOnCalendar=daily\n", host, "/lib/systemd/system/dumps.timer")
            let found = try await doctor(host, status: 1)
            #expect(
                found.lines == [
                    "fail /etc/cron.d/backup:1", "fail /etc/cron.daily/dumps:2",
                    "fail /var/spool/cron/crontabs/deploy:2", "fail /lib/systemd/system/dumps.service:3",
                ])
            #expect(
                found.checks[2].mend
                    == "`crontab -e -u deploy`, and remove line 2: 0 0,6,12,18 * * * \(Self.call) >/dev/null")
            #expect(
                found.checks[3].mend
                    == "`systemctl disable --now dumps.timer nightly.timer dumps.service`, then remove /lib/systemd/system/dumps.timer, /etc/systemd/system/nightly.timer and /lib/systemd/system/dumps.service."
            )
            try put("[Timer]\nUnit=other.service\n", host, "/lib/systemd/system/dumps.timer")
            try FileManager.default.removeItem(atPath: "\(host.folder)/root/etc/systemd/system/nightly.timer")
            // No unit is named that is not there.
            #expect(
                try await doctor(host, status: 1).checks[3].mend
                    == "`systemctl disable --now dumps.service`, then remove /lib/systemd/system/dumps.service.")
        }
    }

    @Test func `a timer of another name, by what is dropped in for it, and a template are told as what they are`()
        async throws
    {
        try await withHost { host in
            try host.write("\"app\": {\(VerbTests.often)}")
            try put("[Service]\nExecStart=\(Self.call)\n", host, "/etc/systemd/system/dumps.service")
            try put("[Timer]\nOnCalendar=daily\nUnit=other.service\n", host, "/lib/systemd/system/nightly.timer")
            try put("[Timer]\nUnit=dumps.service\n", host, "/etc/systemd/system/nightly.timer.d/unit.conf")
            let named = try await doctor(host, status: 1)
            #expect(
                named.checks[0].mend
                    == "`systemctl disable --now nightly.timer dumps.service`, then remove /lib/systemd/system/nightly.timer and /etc/systemd/system/dumps.service."
            )
            try put("[Timer]\nUnit=\n", host, "/etc/systemd/system/nightly.timer.d/unit.conf")
            #expect(try await doctor(host, status: 1).checks[0].mend?.contains("nightly") == false)

            try put("[Service]\nExecStart=\(Self.call) %i\n", host, "/etc/systemd/system/dumps@.service")
            try put("[Timer]\nOnCalendar=daily\nUnit=dumps@all.service\n", host, "/etc/systemd/system/all.timer")
            try put("[Timer]\nOnCalendar=daily\n", host, "/etc/systemd/system/dumps@.timer")
            let template = try await doctor(host, status: 1)
            #expect(
                template.checks.first { $0.subject.contains("@") }?.mend
                    == "`systemctl disable --now all.timer` and each that `systemctl list-units --all 'dumps@*'` names, then remove /etc/systemd/system/all.timer, /etc/systemd/system/dumps@.timer and /etc/systemd/system/dumps@.service."
            )
        }
    }

    @Test func `a link to the script, the script itself, and a drop-in that calls it are found`() async throws {
        try await withHost { host in
            try host.write("\"app\": {\(VerbTests.often)}")
            let root = "\(host.folder)/root"
            // Its own text does not name it.
            try put("#!/bin/sh\npg_dumpall > /backups/all\n", host, Self.call)
            try FileManager.default.createDirectory(atPath: "\(root)/etc/cron.daily", withIntermediateDirectories: true)
            #expect(symlink(Self.call, "\(root)/etc/cron.daily/backup-all-databases") == 0)
            #expect(symlink("backup-all-databases", "\(root)/etc/cron.daily/twice") == 0)
            #expect(symlink("circle", "\(root)/etc/cron.daily/circle") == 0)
            try put("#!/bin/sh\npg_dumpall > /backups/all\n", host, "/etc/cron.hourly/backup-all-databases.sh")
            try put("[Unit]\nDescription=PostgreSQL\n", host, "/lib/systemd/system/postgresql.service")
            try put(
                "[Service]\nExecStartPost=\(Self.call)\n", host, "/etc/systemd/system/postgresql.service.d/after.conf")
            try put(
                "[Service]\nExecStartPost=\(Self.call)\n", host, "/etc/systemd/system/postgresql.service.d/note.txt")
            let found = try await doctor(host, status: 1)
            #expect(
                found.lines == [
                    "fail /etc/cron.hourly/backup-all-databases.sh", "fail /etc/cron.daily/backup-all-databases",
                    "fail /etc/cron.daily/twice", "fail /etc/systemd/system/postgresql.service.d/after.conf:2",
                ])
            #expect(found.checks[0].mend == "Remove /etc/cron.hourly/backup-all-databases.sh.")
            #expect(found.checks[1].found == "a link to \(Self.call)" && found.checks[2].found == found.checks[1].found)
            #expect(found.checks[1].mend == "Remove /etc/cron.daily/backup-all-databases.")
            // PostgreSQL goes on.
            #expect(
                found.checks[3].mend
                    == "Remove line 2 of /etc/systemd/system/postgresql.service.d/after.conf, then `systemctl daemon-reload`: ExecStartPost=\(Self.call)"
            )
            // To nowhere: cron runs nothing.
            try FileManager.default.removeItem(atPath: root + Self.call)
            #expect(try await doctor(host, status: 1).lines.count == 2)
        }
    }

    @Test func `neither links nor fifos nor a folder seen twice lead astray`() async throws {
        try await withHost { host in
            try host.write("\"app\": {\(VerbTests.often)}")
            try put("[Service]\nExecStart=\(Self.call)\n", host, "/usr/lib/systemd/system/dumps.service")
            let root = "\(host.folder)/root"
            #expect(symlink("usr/lib", "\(root)/lib") == 0)
            try FileManager.default.createDirectory(atPath: "\(root)/etc/cron.d", withIntermediateDirectories: true)
            #expect(symlink("/nowhere", "\(root)/etc/cron.d/link") == 0)
            #expect(mkfifo("\(root)/etc/cron.d/fifo", 0o600) == 0)
            // Masked: the unit of that name is not begun, and has no lines.
            try FileManager.default.createDirectory(
                atPath: "\(root)/etc/systemd/system", withIntermediateDirectories: true)
            #expect(symlink("/dev/null", "\(root)/etc/systemd/system/other.service") == 0)
            #expect(try await doctor(host, status: 1).lines == ["fail /usr/lib/systemd/system/dumps.service:2"])
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root can become somebody else"))
    func `root reads crontabs before it becomes the service's user, who may not, and says so`() async throws {
        try await withHost { host in
            try host.write("\"app\": {\(VerbTests.often)}")
            chmod(host.folder, 0o755)
            let made = try await run("install", ["-d", "-m", "0700", "-o", "postgres", host.storage])
            #expect(made.status == 0, "\(made.error)")
            try put("0 2 * * * \(Self.call)\n", host, "/var/spool/cron/crontabs/root")
            chmod("\(host.folder)/root/var/spool/cron/crontabs", 0o700)
            #expect(try await doctor(host, status: 1).lines == ["fail /var/spool/cron/crontabs/root:1"])

            // As that user alone, what may not be read is no pass.
            let said = try await run(
                "setpriv",
                [
                    "--reuid=postgres", "--regid=postgres", "--clear-groups", TestHost.binary, "doctor", "--json",
                    "--only", "old-job", "--root-folder", "\(host.folder)/root", "--config", host.config,
                ])
            // The binary may lie where that user cannot go.
            guard said.status != 126, said.status != 127 else { return }
            let answer = try JSONDecoder().decode(DoctorAnswer.self, from: Data(said.output.utf8))
            #expect(said.status == 0 && answer.lines == ["skipped /var/spool/cron/crontabs"], "\(answer.lines)")
        }
    }
}
