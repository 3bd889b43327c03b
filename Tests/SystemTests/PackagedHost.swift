import BackupCore
import Foundation
import TestSupport
import Testing

/// A booted host with the package in it, through what an operator does with one, in this order.
struct PackagedHost {
    let host: BootedHost
    private var box: Box { host.box }
    private static let plain = #"{"calendar": "*-*-* 02:00:00", "drill": {"enabled": false}}"#

    /// Images that leave out manuals are told to keep ours.
    private func dpkg(_ file: String) async throws -> Said {
        try await box.run("dpkg", "--path-include=/usr/share/*", "-i", file)
    }

    func install(_ package: String) async throws {
        try box.put(package, at: "/root/v1.deb")
        let said = try await dpkg("/root/v1.deb")
        #expect(said.status == 0, "\(said.output)\(said.error)")
        #expect(said.output.contains("nothing is backed up yet"))
    }

    /// The same package under a higher version: `what` it is comes from its number alone.
    private func upgrade(_ version: String) async throws -> Said {
        try await box.must(
            """
            dpkg-deb -R /root/v1.deb /root/next
            sed -i "s/^Version: .*/Version: $1/" /root/next/DEBIAN/control
            dpkg-deb -Zgzip -z1 -b /root/next /root/next.deb > /dev/null
            rm -r /root/next
            """, version)
        return try await dpkg("/root/next.deb")
    }

    func expectNothingBegun() async throws {
        #expect(try await box.run("systemctl", "is-enabled", "archon-backupd").lines == ["disabled"])
        #expect(try await box.run("systemctl", "is-active", "archon-backupd").lines == ["inactive"])
        let modes = try await box.must(
            """
            stat -c '%A %U %n' /usr/bin/archon-backupd /lib/systemd/system/archon-backupd.service \
                /etc/archon-backupd/schedule.json
            stat -Lc '%A %U %n' /etc/archon-backupd/schedule.schema.json
            stat -c '%A %n' /backups/supabase-ai
            dpkg-query -W -f '${Conffiles}' archon-backupd | cut -d' ' -f2 | grep .
            getent passwd archon-backup | cut -d: -f1,6,7
            """)
        #expect(
            modes == """
                -rwxr-xr-x root /usr/bin/archon-backupd
                -rw-r--r-- root /lib/systemd/system/archon-backupd.service
                -rw-r--r-- root /etc/archon-backupd/schedule.json
                -rw-r--r-- root /etc/archon-backupd/schedule.schema.json
                drwx------ /backups/supabase-ai
                /etc/archon-backupd/schedule.json
                archon-backup:/var/lib/archon-backupd:/usr/sbin/nologin
                """)
        let user = try await box.must("systemctl show -P User archon-backupd")
        #expect(try await box.must("stat -c %U /backups/supabase-ai") == user)
        // dpkg's trigger has told the journal about the catalog.
        #expect(try await box.must("journalctl --list-catalog").contains("archon-backupd"))
        #expect(try await box.run("archon-backupd", "check").status == 0)
    }

    func expectManualsAndCompletions() async throws {
        for page in ["archon-backupd", "schedule.json"] {
            let said = try await box.run("man", "--warnings", "-E", "UTF-8", "-Tutf8", "-Z", page)
            #expect(said.status == 0 && said.error.isEmpty, "\(page): \(said.error)")
        }
        let manual = try await box.must("MANWIDTH=200 man archon-backupd schedule.json | col -bx")
        for phrase in ["--connect", "EXIT STATUS", "a dump is damaged", "retention.keepLast", "storage.minimumFree"] {
            #expect(manual.contains(phrase), "no \(phrase) in the manuals")
        }
        let bash = try await box.run(
            "bash", "-c",
            """
            . /usr/share/bash-completion/bash_completion; __load_completion archon-backupd
            COMP_WORDS=(archon-backupd re) COMP_CWORD=1 COMP_LINE='archon-backupd re' COMP_POINT=17
            _archon-backupd archon-backupd re archon-backupd; printf '%s\\n' "${COMPREPLY[@]}" | sort
            """)
        #expect(bash.lines == ["rebuild-catalog", "restore", "restore-server"], "\(bash.error)")
        let fish = try await box.run("fish", "-c", "complete -C 'archon-backupd re'")
        #expect(
            fish.lines.map { $0.prefix { $0 != "\t" } } == ["rebuild-catalog", "restore", "restore-server"],
            "\(fish.error)")
        let zsh = try await box.run(
            "zsh", "-fc",
            "autoload -Uz compinit; compinit -u -D; print $_comps[archon-backupd]; autoload +X _archon-backupd")
        #expect(zsh.status == 0 && zsh.lines == ["_archon-backupd"], "\(zsh.error)")
    }

    /// The operator says what to back up, and enables the service.
    func dump() async throws {
        try await host.psql("postgres", "CREATE DATABASE packed")
        try await host.psql(
            "packed", "CREATE TABLE kept AS SELECT g id, md5(g::text) t FROM generate_series(1, 1000) g")
        try host.schedule("\"packed\": \(Self.plain)")
        let check = try await box.run("archon-backupd", "check", "--connect")
        #expect(check.status == 0, "\(check.output)\(check.error)")
        let enabled = try await box.run("systemctl", "enable", "--now", "archon-backupd")
        #expect(enabled.status == 0, "\(enabled.error)")
        try await host.waitFor("run-succeeded")
    }

    /// A run that waits for a lock is in progress as long as we like.
    func upgradeDuringRun() async throws {
        try await host.psql("postgres", "CREATE DATABASE locked")
        try await host.psql("locked", "CREATE TABLE held AS SELECT 1 id")
        try await box.must(
            """
            systemd-run -q --unit holder --uid postgres psql -X -d locked \
                -c 'BEGIN; LOCK TABLE held; SELECT pg_sleep(600)'
            """)
        try await until("the table is locked") {
            try await host.psql(
                "locked", "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND granted") == "1"
        }
        try host.schedule("\"packed\": \(Self.plain), \"locked\": \(Self.plain)")
        try await box.must("systemctl reload archon-backupd")
        try await until("pg_dump waits for the lock") {
            try await host.psql(
                "locked", "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND NOT granted")
                == "1"
        }
        let before = try await host.property("MainPID")
        let said = try await upgrade("90.1")
        #expect(said.status == 0, "\(said.output)\(said.error)")
        #expect(said.output.contains("restarting"))
        #expect(try await host.property("ActiveState") == "active")
        let after = try await host.property("MainPID")
        #expect(after != before)
        #expect(try await box.must("readlink \"/proc/$1/exe\"", after) == "/usr/bin/archon-backupd")
        #expect(try await host.property("UnitFileState") == "enabled")
        try await host.waitFor("run-interrupted")
        // Of the old run nothing is left on the server; the new daemon makes up for it.
        try await host.psql(
            "locked", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'held'::regclass AND granted")
        try await host.waitFor("run-succeeded", times: 2)
        #expect(try await box.must("archon-backupd list locked").contains("backup_locked_"))
        #expect(try await box.must("find /backups -name '.partial*'").isEmpty)
    }

    func upgradeWithRefusedSchedule() async throws {
        let before = try await host.property("MainPID")
        let schedule = try box.read("/etc/archon-backupd/schedule.json")
        try box.write(
            schedule.replacing("\"databases\"", with: "\"datbases\""), to: "/etc/archon-backupd/schedule.json")
        let said = try await upgrade("90.2")
        #expect(said.status == 0, "\(said.output)\(said.error)")
        #expect(said.error.contains("datbases"), "\(said.error)")
        #expect(said.error.contains("the daemon of the version before goes on"))
        #expect(try await host.property("MainPID") == before)
        #expect(try await host.property("ActiveState") == "active")
        try box.write(schedule, to: "/etc/archon-backupd/schedule.json")
        let mended = try await upgrade("90.3")
        #expect(mended.status == 0, "\(mended.output)\(mended.error)")
        #expect(try await host.property("MainPID") != before)
    }

    private func backups() async throws -> String {
        try await box.must("find /backups /var/lib/archon-backupd -type f -exec sha256sum {} + | sort -k2")
    }

    func removeAndPurge() async throws {
        // What the operator wrote is a change to the conffile, which outlives the removal.
        let removed = try await box.run("dpkg", "--remove", "archon-backupd")
        #expect(removed.status == 0, "\(removed.output)\(removed.error)")
        #expect(removed.output.contains("the dumps are left in /backups/supabase-ai"), "\(removed.output)")
        #expect(try await box.run("systemctl", "is-active", "archon-backupd").lines == ["inactive"])
        #expect(try await box.run("test", "-e", "/usr/bin/archon-backupd").status == 1)
        #expect(try box.read("/etc/archon-backupd/schedule.json").contains("/backups/supabase-ai"))
        let before = try await backups()
        #expect(before.contains("/backups/supabase-ai/packed/backup_packed_") && before.contains("catalog.sqlite"))

        let purged = try await box.run("dpkg", "--purge", "archon-backupd")
        #expect(purged.status == 0, "\(purged.output)\(purged.error)")
        #expect(try await box.run("test", "-e", "/etc/archon-backupd").status == 1)
        #expect(try await box.run("dpkg-query", "-W", "archon-backupd").status == 1)
        #expect(try await backups() == before)
        #expect(try await box.run("getent", "passwd", "archon-backup").status == 0)
    }

    /// Installed anew, with the same schedule, it knows its dumps, and one comes back.
    func returnToDumps() async throws {
        #expect(try await dpkg("/root/v1.deb").status == 0)
        try host.schedule("\"packed\": \(Self.plain)")
        #expect(try await box.must("archon-backupd list packed").contains("backup_packed_"))
        try await host.psql("postgres", "DROP DATABASE packed")
        try await box.must("archon-backupd restore packed --yes")
        #expect(
            try await host.psql("packed", "SELECT count(*), md5(string_agg(t, '' ORDER BY id)) FROM kept")
                == "1000|\(try await host.psql("postgres", "SELECT md5(string_agg(md5(g::text), '' ORDER BY g)) FROM generate_series(1, 1000) g"))"
        )
    }
}
