import BackupCore
import Foundation
import TestSupport
import Testing

/// The unit as it is installed, under a real systemd, with a server under Debian's own rule.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedServiceTests {
    static let daily = #""calendar": "*-*-* 02:00:00""#

    @Test func `it starts, dumps, drills, reloads and stops in its sandbox`() async throws {
        try await withBootedHost { host in
            try await host.psql("postgres", "CREATE DATABASE calm")
            try await host.psql("calm", "CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 1000) g")
            // A sum over many rows is what PostgreSQL would compile.
            let drill =
                #""drill": {"calendar": "*:*:00/5", "assertions": ["SELECT sum(a.g * b.g) > 0 FROM t a, t b"]}"#
            try host.schedule("\"calm\": {\(Self.daily), \(drill)}")
            try await host.start()
            let succeeded = try await host.waitFor("run-succeeded")[0]
            #expect(succeeded["_UID"] != "0" && succeeded["_SYSTEMD_UNIT"] == "archon-backupd.service")
            let proven = try await host.waitFor("drill-proven")[0]
            #expect(proven["ARCHON_DUMP"] == succeeded["ARCHON_DUMP"])
            let listed = try await host.box.must(
                "find /backups/supabase-ai/calm -name 'backup_*' -printf '%u %m %f\\n'")
            #expect(listed.split(separator: "\n").count == 3)
            #expect(listed.split(separator: "\n").allSatisfy { $0.hasPrefix("archon-backup 600 ") }, "\(listed)")
            let status = try await host.box.run("systemctl", "status", "archon-backupd")
            #expect(status.status == 0 && status.output.contains("Status: \"1 job, next calm "), "\(status.output)")

            #expect(try await host.box.run("systemctl", "reload", "archon-backupd").status == 0)
            try await host.waitFor("reloaded")
            let pid = try await host.property("MainPID")
            #expect(try await host.box.run("systemctl", "restart", "archon-backupd").status == 0)
            #expect(try await host.property("MainPID") != pid)
            #expect(try await host.box.run("systemctl", "stop", "archon-backupd").status == 0)
            #expect(try await host.property("Result") == "success")
            // Nothing but events: no library complains of what the sandbox refuses.
            let said = try await host.journal().filter { $0["_PID"] != "1" && $0["ARCHON_EVENT"] == nil }
            #expect(said.isEmpty, "\(said.map { $0["MESSAGE"] ?? "" })")
        }
    }

    @Test func `the sandbox is as tight as promised`() async throws {
        try await withBootedHost { host in
            let score = try await host.box.run(
                "systemd-analyze", "security", "--threshold=15", "--no-pager", "archon-backupd.service")
            #expect(score.status == 0, "\(score.output.suffix(200))")
        }
    }

    @Test func `whom the server does not let in is told what to do`() async throws {
        try await withBootedHost { host in
            let asUser = "cd /; setpriv --reuid=archon-backup --regid=archon-backup --init-groups archon-backupd"
            try host.schedule("\"postgres\": {\(Self.daily)}", connection: "host=/run/postgresql user=postgres")
            let refused = try await host.box.run("/bin/sh", "-c", "\(asUser) check --connect")
            #expect(refused.status == 69)
            let said = refused.output + refused.error
            #expect(said.contains("CREATE ROLE \"archon-backup\" SUPERUSER LOGIN"), "\(said)")
            #expect(said.contains("pg_ident.conf"), "\(said)")

            // The map of docs/install.md.
            try await host.box.must(
                """
                cd /var/lib/box-postgresql
                echo 'backup archon-backup postgres' >> pg_ident.conf
                echo 'backup postgres postgres' >> pg_ident.conf
                sed -i '1i local all postgres peer map=backup' pg_hba.conf
                systemctl kill --kill-who=main --signal=HUP postgresql
                """)
            var admitted = refused
            try await until("the server has taken its map: \(admitted)") {
                admitted = try await host.box.run("/bin/sh", "-c", "\(asUser) check --connect")
                return admitted.status == 0
            }
            try await host.psql("postgres", "DROP ROLE \"archon-backup\"")
            try host.schedule("\"postgres\": {\(Self.daily)}")
            let missing = try await host.box.run("/bin/sh", "-c", "\(asUser) check --connect")
            #expect((missing.output + missing.error).contains("Make the role: CREATE ROLE"), "\(missing)")
        }
    }
}
