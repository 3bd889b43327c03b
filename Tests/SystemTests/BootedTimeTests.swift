import BackupCore
import Foundation
import TestSupport
import Testing

/// The clock of a booted host: stepped over slots and over the change to winter time, and back after a night off.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedTimeTests {
    private func seconds(to instant: String) throws -> Double {
        try #require(Instant.parse(instant)).timeIntervalSinceNow
    }

    @Test func `a missed night is made up for once, and a stepped clock jumps no slot twice`() async throws {
        try await withBootedHost { host in
            let nightly = #""calendar": "*-*-* 00/2:30:00", "timeZone": "Europe/Paris", "drill": {"enabled": false}"#
            try host.schedule("\"postgres\": {\(nightly)}")
            try await host.useMovableClock()
            // 21:00 in Paris, on the eve of the change to winter time.
            try host.setClock(ahead: try seconds(to: "2027-10-30T19:00:00Z"))
            try await host.start()
            try await host.waitFor("run-succeeded")
            #expect(try await host.box.run("systemctl", "stop", "archon-backupd").status == 0)

            // Down over 22:30, 00:30 and 02:30, which comes twice that night and counts once.
            try host.setClock(ahead: try seconds(to: "2027-10-31T02:10:00Z"))
            try await host.start()
            try await host.waitFor("run-succeeded", times: 2)
            let missed = try await host.waitFor("slots-missed")
            #expect(missed.count == 1 && missed[0]["ARCHON_MISSED"] == "3", "\(missed)")

            // Over 04:30 while it runs: it notices at its next look.
            try host.setClock(ahead: try seconds(to: "2027-10-31T03:45:00Z"))
            #expect(try await host.box.run("systemctl", "reload", "archon-backupd").status == 0)
            let stepped = try await host.waitFor("clock-stepped")
            #expect(
                stepped[0]["ARCHON_STEP_SECONDS"].flatMap(Int.init).map { abs($0 - 5700) < 60 } == true, "\(stepped)")
            try await host.waitFor("run-succeeded", times: 3)

            // And back: nothing is due that was done.
            try host.setClock(ahead: try seconds(to: "2027-10-31T03:00:00Z"))
            #expect(try await host.box.run("systemctl", "reload", "archon-backupd").status == 0)
            try await host.waitFor("clock-stepped", times: 2)
            try await host.waitFor("reloaded", times: 2)
            try await Task.sleep(for: .seconds(2))
            #expect(try await host.journal("run-succeeded").count == 3)
            #expect(try await host.journal("run-failed").isEmpty)
        }
    }
}
