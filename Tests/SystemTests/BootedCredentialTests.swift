import BackupCore
import Foundation
import TestSupport
import Testing

/// Passwords by systemd's credentials, who may speak to the manager, and 1,000 reloads.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedCredentialTests {
    private static let daily = #""calendar": "*-*-* 02:00:00", "drill": {"enabled": false}"#
    private static let secret = "a secret; with 'signs'"

    @Test(arguments: ["plain", "encrypted"])
    func `a password comes from a credential, and nobody else sees it`(kind: String) async throws {
        try await withBootedHost { host in
            let box = host.box
            try await host.psql(
                "postgres", "CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '\(Self.secret.replacing("'", with: "''"))'")
            let folder = "/etc/archon-backupd"
            try box.write(Self.secret + "\n", to: "\(folder)/supabase.password", mode: 0o600)
            if kind == "encrypted" {
                try await box.must(
                    """
                    systemd-creds encrypt --with-key=host --name=supabase \(folder)/supabase.password \(folder)/supabase.credential
                    rm \(folder)/supabase.password
                    """)
            }
            let line =
                kind == "plain"
                ? "LoadCredential=supabase:\(folder)/supabase.password"
                : "LoadCredentialEncrypted=supabase:\(folder)/supabase.credential"
            try await host.dropIn("password", "[Service]\n\(line)")
            try box.write(
                """
                {"version": 1, "storage": {"root": "/backups/supabase-ai", "minimumFree": "0B"},
                 "servers": {"tcp": {"connection": "host=127.0.0.1 user=keeper", "passwordCredential": "supabase"}},
                 "databases": {"postgres": {\(Self.daily)}}}
                """, to: "\(folder)/schedule.json")
            try await host.start()
            try await host.waitFor("run-succeeded")
            let pid = try await host.property("MainPID")
            let seen = try await box.must(
                "cat /proc/$1/environ /proc/$1/cmdline | tr '\\0' '\\n'; systemctl show archon-backupd; journalctl -o export",
                pid)
            #expect(!seen.contains(Self.secret))
        }
    }

    @Test func `only the daemon itself may speak to the manager`() async throws {
        try await withBootedHost { host in
            let hook =
                #""hooks": {"before": ["/usr/bin/env", "NOTIFY_SOCKET=/run/systemd/notify", "/usr/bin/systemd-notify", "--status=hooked"]}"#
            try host.schedule("\"postgres\": {\(Self.daily), \(hook)}")
            try await host.start()
            try await host.waitFor("run-succeeded")
            let said = try await host.box.must("journalctl -o cat _PID=1")
            #expect(said.contains("reception only permitted for main PID"), "\(said)")
            // Not what the hook has said; a drill may follow the dump.
            try await until("the daemon's own status") {
                try await host.property("StatusText").hasPrefix("1 job, next postgres ")
            }
        }
    }

    @Test func `1,000 reloads leak no descriptor and hardly a page`() async throws {
        try await withBootedHost { host in
            try host.schedule("\"postgres\": {\(Self.daily)}, \"template1\": {\(Self.daily)}")
            try await host.start()
            try await host.waitFor("run-succeeded", times: 2)
            let pid = try await host.property("MainPID")
            func measure() async throws -> (descriptors: Int, kilobytes: Int) {
                let said = try await host.box.must(
                    "ls /proc/$1/fd | wc -l; sed -n 's/VmRSS: *\\([0-9]*\\) kB/\\1/p' /proc/$1/status", pid)
                let numbers = said.split(separator: "\n").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
                return (try #require(numbers.first), try #require(numbers.last))
            }
            // By the journal: signals that come close together are one.
            func reload(_ count: Int) async throws {
                try await host.box.must(
                    """
                    count() { journalctl --sync; journalctl -u archon-backupd ARCHON_EVENT=reloaded -o cat | wc -l; }
                    end=$(($(count) + $1))
                    for batch in $(seq 300); do
                        [ "$(count)" -lt "$end" ] || exit 0
                        for round in $(seq 50); do kill -HUP "$2"; sleep 0.005; done
                    done
                    echo "not reloaded $1 times"
                    exit 1
                    """, "\(count)", pid)
            }
            try await reload(100)
            let before = try await measure()
            try await reload(1000)
            let after = try await measure()
            #expect(after.descriptors <= before.descriptors, "\(before) \(after)")
            #expect(after.kilobytes < before.kilobytes + 4096, "\(before) \(after)")
        }
    }
}
