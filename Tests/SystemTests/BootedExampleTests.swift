import BackupCore
import Foundation
import TestSupport
import Testing

/// The files of systemd/examples, as they are, on a booted host.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedExampleTests {
    private static let daily = #""calendar": "*-*-* 02:00:00", "drill": {"enabled": false}, "retry": {"attempts": 1}"#

    private func example(_ name: String) throws -> String { try Repository.text("systemd/examples/\(name)") }

    private func schedule(
        _ host: BootedHost, server: String, root: String = "/backups/supabase-ai", job: String = "old"
    ) throws {
        try host.box.write(
            """
            {"version": 1, "storage": {"root": "\(root)", "minimumFree": "0B"}, "servers": {"one": {\(server)}},
             "databases": {"\(job)": {"database": "postgres", \(Self.daily)}}}
            """, to: "/etc/archon-backupd/schedule.json")
    }

    @Test func `another server is out of reach until network-servers and password are dropped in`() async throws {
        try await withBootedHost { host in
            try await host.psql("postgres", "CREATE ROLE keeper SUPERUSER LOGIN PASSWORD 'open sesame'")
            try await host.box.must(
                """
                ip address add 10.9.9.9/32 dev lo
                echo 'host all all 10.0.0.0/8 scram-sha-256' >> /var/lib/box-postgresql/pg_hba.conf
                echo "listen_addresses = '*'" >> /var/lib/box-postgresql/postgresql.auto.conf
                sed -i 's/-c listen_addresses=127.0.0.1//' /etc/systemd/system/postgresql.service
                systemctl daemon-reload
                systemctl restart postgresql
                """)
            try host.box.write("open sesame\n", to: "/etc/archon-backupd/supabase.password", mode: 0o600)
            try await host.dropIn("password", try example("password.conf"))
            try schedule(
                host,
                server:
                    #""connection": "host=10.9.9.9 user=keeper connect_timeout=3", "passwordCredential": "supabase""#)
            try await host.start()
            // What the unit does not allow is not refused: it is dropped.
            let failed = try await host.waitFor("run-failed")[0]
            #expect(failed["MESSAGE"]?.contains("IPAddressAllow=") == true, "\(failed)")
            try await host.dropIn("network", try example("network-servers.conf"))
            // The slot is spent; a job that is new is due at once.
            try schedule(
                host,
                server:
                    #""connection": "host=10.9.9.9 user=keeper connect_timeout=3", "passwordCredential": "supabase""#,
                job: "new")
            #expect(try await host.box.run("systemctl", "restart", "archon-backupd").status == 0)
            try await host.waitFor("run-succeeded")
        }
    }

    @Test func `dumps wait for their mount`() async throws {
        try await withBootedHost { host in
            try host.box.write(
                "[Mount]\nWhat=/nowhere\nWhere=/srv/backups\nType=ext4\n", to: "/etc/systemd/system/srv-backups.mount")
            try await host.dropIn("storage", try example("storage-mount.conf"))
            try schedule(
                host, server: #""connection": "host=/run/postgresql user=archon-backup""#, root: "/srv/backups/all")
            #expect(try await host.box.run("systemctl", "start", "archon-backupd").status != 0)
            #expect(try await host.property("ActiveState") == "inactive")
            #expect(try await host.box.must("[ ! -e /srv/backups ] || find /srv/backups -mindepth 1") == "")

            try host.box.write(
                "[Mount]\nWhat=tmpfs\nWhere=/srv/backups\nType=tmpfs\nOptions=mode=0700,uid=archon-backup\n",
                to: "/etc/systemd/system/srv-backups.mount")
            try await host.box.must("systemctl daemon-reload")
            try await host.start()
            try await host.waitFor("run-succeeded")
            #expect(try await host.box.must("findmnt --noheadings --output FSTYPE /srv/backups") == "tmpfs")
        }
    }

    @Test func `a database is lost once a week where no server of anybody's can be reached`() async throws {
        try await withBootedHost(debug: true) { host in
            try host.schedule("\"postgres\": {\(Self.daily)}")
            try await host.start()
            try await host.waitFor("run-succeeded")
            let units = "/etc/systemd/system"
            let service = "archon-backupd-blast-drill.service"
            try host.box.write(
                try example(service).replacing("blast-drill archon_db", with: "blast-drill postgres"),
                to: "\(units)/\(service)")
            try host.box.write(
                try example("archon-backupd-blast-drill.timer"), to: "\(units)/archon-backupd-blast-drill.timer")
            let begun = try await host.box.run("systemctl", "start", service)
            let said = try await host.box.must("journalctl -u \(service) -o cat")
            #expect(begun.status == 0 && said.contains("postgres: proven on throwaway"), "\(said)")
            // What that service's processes can reach of the host's server.
            let open = "timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/5432' || ls /run/postgresql/.s.PGSQL.5432"
            let look =
                "[Service]\nExecStart=\nExecStart=-/bin/bash -c \"if \(open); then echo open; else echo shut; fi\"\n"
            try host.box.write(look, to: "\(units)/\(service).d/look.conf")
            #expect(
                try await host.box.must(
                    "systemctl daemon-reload; systemctl start \(service); \(open.replacing("exec 3", with: "exec 4")) > /dev/null && echo open here"
                )
                    == "open here")
            let seen = try await host.box.must("journalctl -u \(service) -o cat | grep -x -e open -e shut")
            #expect(seen == "shut", "\(seen)")
            #expect(
                try await host.box.must(
                    "systemctl enable --now archon-backupd-blast-drill.timer; systemctl is-active archon-backupd-blast-drill.timer"
                ).contains("active"))
        }
    }

    @Test func `a failing backup is mailed, and so is a service that gives up`() async throws {
        try await withBootedHost { host in
            let units = "/etc/systemd/system"
            for name in [
                "archon-backupd-mail@.service", "archon-backupd-check.service", "archon-backupd-check.timer",
            ] { try host.box.write(try example(name), to: "\(units)/\(name)") }
            try host.box.write(
                "#!/bin/sh\ncat > \"/var/mail/$1.$$\"\n", to: "/usr/sbin/sendmail", mode: 0o755)
            try await host.dropIn("on-failure", try example("on-failure.conf"))
            func mail(_ subject: String) async throws {
                var mails = ""
                try await until("a mail: \(subject)") {
                    mails = try await host.box.must("cat /var/mail/root.* 2> /dev/null || true")
                    return mails.contains("Subject: \(subject)")
                }
            }
            try schedule(host, server: #""connection": "host=/run/postgresql user=nobody-here""#)
            try await host.start()
            try await host.waitFor("run-failed")
            #expect(try await host.box.run("systemctl", "start", "archon-backupd-check.service").status != 0)
            try await mail("archon-backupd-check.service failed on ")
            #expect(
                try await host.box.must(
                    "systemctl enable --now archon-backupd-check.timer; systemctl is-active archon-backupd-check.timer"
                ).contains("active"))

            try host.schedule("\"postgres\": {\"calendar\": \"never\"}")
            #expect(try await host.box.run("systemctl", "restart", "archon-backupd").status != 0)
            try await mail("archon-backupd.service failed on ")
        }
    }
}
