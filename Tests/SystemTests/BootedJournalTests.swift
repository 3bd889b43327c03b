import BackupCore
import Foundation
import TestSupport
import Testing

/// What a person sees who asks the journal of a booted host.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedJournalTests {
    private static let daily = #""calendar": "*-*-* 02:00:00""#

    /// The daemon's own lines, oldest first.
    private func lines(_ host: BootedHost) async throws -> [String] {
        try await host.journal().filter { $0["_PID"] != "1" }.compactMap { $0["MESSAGE"] }
    }

    @Test func `a calm run is one line, and tells what was pruned`() async throws {
        try await withBootedHost { host in
            try await host.psql("postgres", "CREATE DATABASE calm")
            try await host.psql("calm", "CREATE TABLE t AS SELECT g FROM generate_series(1, 10) g")
            let often =
                #""calendar": "*-*-* *:*:00/2", "drill": {"enabled": false}, "retention": {"keepLast": 1}, "objectives": {"rpo": "1h"}"#
            try host.schedule("\"calm\": {\(often)}")
            try await host.start()
            let runs = try await host.waitFor("run-succeeded", times: 3)
            #expect(try await host.box.run("systemctl", "stop", "archon-backupd").status == 0)
            let said = try await lines(host)
            #expect(said.first?.contains(" is ready: 1 job from /etc/archon-backupd/schedule.json") == true)
            #expect(said.last == "stopping")
            let between = said.dropFirst().dropLast()
            #expect(between.count >= 3 && between.allSatisfy { $0.hasPrefix("calm: backup_calm_") }, "\(said)")
            #expect(runs[0]["ARCHON_PRUNED"] == nil)
            #expect(runs[2]["ARCHON_PRUNED"] == runs[1]["ARCHON_DUMP"], "\(runs)")
            #expect(runs[2]["MESSAGE"]?.hasSuffix(", pruned 1") == true)
            #expect(runs.allSatisfy { $0["UNIT"] == nil && $0["SYSLOG_IDENTIFIER"] == "archon-backupd" })

            // The drop-in of docs/journal.md.
            try await host.dropIn("debug", "[Service]\nLogLevelMax=debug")
            try await host.start()
            try await host.waitFor("run-began")
            try await host.waitFor("pruned")
        }
    }

    @Test func `journalctl -x explains what happened, what it means and what to do`() async throws {
        try await withBootedHost { host in
            try host.schedule(
                "\"gone\": {\(Self.daily), \"drill\": {\"enabled\": false}, \"retry\": {\"attempts\": 1}}")
            try await host.start()
            try await host.waitFor("run-failed")
            let said = try await host.box.must("journalctl -u archon-backupd -x --no-pager ARCHON_EVENT=run-failed")
            #expect(said.contains("░░ Subject: A backup of gone failed"), "\(said)")
            #expect(said.contains("░░ the database gone does not exist"), "\(said)")
            #expect(said.contains("░░ For the data: ") && said.contains("░░ To do: "), "\(said)")
            #expect(said.contains("archon-backupd history gone") && !said.contains("@"), "\(said)")
        }
    }
}
