import BackupCore
import Foundation
import TestSupport
import Testing

/// `doctor` under a real service manager.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedDoctorTests {
    @Test func `a unit that is not enabled, or does not run, is no pass`() async throws {
        try await withBootedHost(debug: true) { host in
            try host.schedule("\"postgres\": {\"calendar\": \"*-*-* 02:00:00\", \"drill\": {\"enabled\": false}}")
            func unit(_ status: Int32) async throws -> DoctorAnswer.Check {
                let said = try await host.box.run("archon-backupd", "doctor", "--json", "--only", "unit")
                #expect(said.status == status, "\(said.error)")
                return try #require(
                    try JSONDecoder().decode(DoctorAnswer.self, from: Data(said.output.utf8)).checks.first)
            }
            let disabled = try await unit(1)
            #expect(disabled.found == "disabled, inactive" && disabled.mend?.contains("enable --now") == true)
            #expect(try await host.box.run("systemctl", "enable", "archon-backupd").status == 0)
            #expect(try await unit(1).mend?.hasPrefix("`systemctl start") == true)
            try await host.start()
            #expect(try await unit(0).found == "enabled, active")
            // With a schedule of the service's own user, root looks as that user, and at cron as itself.
            try host.box.write(
                "0 2 * * * /opt/backup-all-databases.sh\n", to: "/var/spool/cron/crontabs/app", mode: 0o600)
            let said = try await host.box.run("archon-backupd", "doctor", "--only", "old-job", "disk", "credentials")
            #expect(said.status == 1 && said.output.contains("FAIL  old-job"), "\(said.output)\(said.error)")
            #expect(said.output.contains("crontab -e -u app") && said.output.contains("pass  disk"), "\(said.output)")
        }
    }
}
