import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct NextDrillTests {
    @Test func `next --drills prints the coming drills, in their zone, of those that have any`() async throws {
        try await withHost { host in
            try host.write(
                "\"a\": {\"calendar\": \"daily\", \"drill\": {\"calendar\": \"Sun 05:00 Europe/Sofia\"}}, \"b\": {\"calendar\": \"daily\", \"drill\": {\"enabled\": false}}, \"c\": {\"calendar\": \"daily\", \"drill\": {\"cron\": \"0 4 * * 6\"}}, \"d\": {\"calendar\": \"daily\", \"enabled\": false}"
            )
            let after = "2026-11-24T12:00:00Z"
            let all = try await host.call("next", "--drills", "--after", after)
            #expect(all.lines == ["2026-11-28T04:00:00Z  c", "2026-11-29T05:00:00+02:00  a"], "\(all.error)")
            let one = try await host.call("next", "a", "--drills", "--after", after, "--count", "2")
            #expect(one.lines == ["2026-11-29T05:00:00+02:00", "2026-12-06T05:00:00+02:00"])
            // What is dumped when is another question.
            let dumps = try await host.call("next", "--after", after)
            #expect(dumps.lines.count == 3 && dumps.lines.allSatisfy { $0.hasPrefix("2026-11-25T00:00:00Z") })
            let mixed = try await host.call("next", "--drills", "--calendar", "daily")
            #expect(mixed.status == 64 && mixed.error.contains("--drills goes with jobs"), "\(mixed.error)")
        }
    }
}
