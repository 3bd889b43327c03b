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
            let found = try await doctor(host, status: 1)
            #expect(
                found.lines == [
                    "fail /etc/cron.d/backup:1", "fail /etc/cron.daily/dumps:2",
                    "fail /var/spool/cron/crontabs/deploy:2", "fail /lib/systemd/system/dumps.service:3",
                ])
            #expect(
                found.checks[2].mend
                    == "`crontab -e -u deploy`, and remove line 2: 0 0,6,12,18 * * * \(Self.call) >/dev/null")
            #expect(found.checks[3].mend?.contains("systemctl disable --now dumps.timer dumps.service") == true)
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
