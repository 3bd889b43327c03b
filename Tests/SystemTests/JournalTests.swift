import BackupCore
import Foundation
import TestSupport
import Testing

/// A real journald in a mount namespace of its own, and the daemon with its stderr connected to it as systemd does it.
@Suite(.enabled(if: getuid() == 0, "a mount namespace of its own needs root")) struct JournalTests {
    private static let script = """
        set -e
        mount -t tmpfs tmpfs /run
        mkdir -p /run/systemd/journal /run/log/journal
        [ -s /etc/machine-id ] || { echo 3d1219c7c4c5404aaa1f6d2a48adfda4 > /run/id; touch /etc/machine-id; mount --bind /run/id /etc/machine-id; }
        /lib/systemd/systemd-journald > /dev/null 2>&1 &
        journald=$!
        trap 'kill $journald' EXIT
        until [ -S /run/systemd/journal/socket ] && [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
        systemd-cat sh -c 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$0" daemon' "$0" &
        daemon=$!
        for round in $(seq 600); do
            journalctl --sync
            [ "$(journalctl --no-pager -o cat -F ARCHON_EVENT | grep -cE 'run-(failed|succeeded)|drill-proven')" = 3 ] && break
            sleep 0.1
        done
        kill -HUP $daemon
        sleep 0.5
        kill $daemon
        wait $daemon || true
        journalctl --sync
        journalctl --no-pager -o json _EXE="$0"
        """

    @Test func `events have their fields, and no line goes to the journal twice`() async throws {
        try await withHost { host in
            try await host.server.create("journal", "create table t as select generate_series(1, 10) g")
            let daily = #""calendar": "*-*-* 02:00:00""#
            // Often, for the host's own clock is on the wall.
            let drill = #""drill": {"calendar": "*:*:00/5", "assertions": ["SELECT true"]}"#
            try host.write("\"journal\": {\(daily), \(drill)}, \"gone\": {\"database\": \"journal gone\", \(daily)}")
            let said = try await run(
                "unshare", ["--mount", "--propagation", "private", "/bin/bash", "-c", Self.script, TestHost.binary],
                environment: ["ARCHON_BACKUPD_CONFIG": host.config])
            #expect(said.status == 0, "\(said.error)")
            let entries = try said.lines.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            func entry(_ event: String, atLeast: Bool = false) throws -> [String: String] {
                let found = entries.filter { $0["ARCHON_EVENT"] as? String == event }
                #expect(found.count == 1 || atLeast, "\(event)")
                return try #require(found.first).compactMapValues { $0 as? String }
            }
            let succeeded = try entry("run-succeeded")
            #expect(succeeded["ARCHON_JOB"] == "journal" && succeeded["ARCHON_DATABASE"] == "journal")
            #expect(succeeded["ARCHON_RUN"].flatMap(Int.init) != nil)
            #expect(succeeded["ARCHON_DUMP"]?.hasPrefix("backup_journal_") == true)
            #expect(succeeded["ARCHON_BYTES"].flatMap(Int.init) ?? 0 > 100)
            #expect(succeeded["ARCHON_DURATION_USEC"].flatMap(Int.init) ?? 0 > 1000)
            #expect(succeeded["PRIORITY"] == "6" && succeeded["SYSLOG_IDENTIFIER"] == "archon-backupd")
            let failed = try entry("run-failed")
            #expect(failed["ARCHON_REASON"] == "the database journal gone does not exist" && failed["PRIORITY"] == "3")
            #expect(failed["ARCHON_DATABASE"] == "journal gone" && failed["ARCHON_JOB"] == "gone")
            let proven = try entry("drill-proven", atLeast: true)
            #expect(proven["ARCHON_JOB"] == "journal" && proven["ARCHON_DATABASE"] == "journal")
            #expect(proven["ARCHON_DUMP"] == succeeded["ARCHON_DUMP"] && proven["ARCHON_VERDICT"] == "proven")
            #expect(proven["ARCHON_BYTES"].flatMap(Int.init) ?? 0 > 1_000_000 && proven["PRIORITY"] == "6")
            #expect(proven["ARCHON_DURATION_USEC"].flatMap(Int.init) ?? 0 > 1000 && proven["ARCHON_REASON"] == nil)
            #expect(try entry("drill-began", atLeast: true)["ARCHON_DUMP"] == succeeded["ARCHON_DUMP"])
            for event in ["daemon-ready", "reloaded", "daemon-stopping"] {
                #expect(try entry(event)["MESSAGE_ID"]?.count == 32)
            }
            #expect(entries.allSatisfy { $0["ARCHON_EVENT"] != nil && $0["_TRANSPORT"] as? String == "journal" })
            try await host.server.drop("journal")
        }
    }
}
