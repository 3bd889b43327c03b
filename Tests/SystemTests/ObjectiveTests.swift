import BackupCore
import Foundation
import TestSupport
import Testing

/// Objectives beside what is measured, as the built daemon and `status` tell them.
@Suite struct ObjectiveTests {
    @Test func `a missed RPO is told the moment it passes although nothing runs, once, and so is a good dump after it`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("missed rpo", "create table t (id int)")
            try host.write(
                "\"missed\": {\"database\": \"missed rpo\", \"calendar\": \"*-*-* 00/6:00:00\", \"objectives\": {\"rpo\": \"7h\"}, \"retry\": {\"attempts\": 1}, \"drill\": {\"enabled\": false}}"
            )
            try await host.withDaemon(clock: instant("2026-11-24T00:30:00Z")) { daemon in
                try await daemon.says("missed: backup_missed_")
                try await host.server.drop("missed rpo")
                try await DrillDaemonTests.pass(instant("2026-11-24T06:00:00Z"), daemon)
                try await daemon.says("missed: run failed")
                let began = try #require(try await host.history().first?.began)
                try daemon.setClock(began.addingTimeInterval(7 * 3600 - 3))
                try await daemon.reload()
                #expect(daemon.lines(with: "RPO").isEmpty, "\(daemon.running.said)")
                let status = try await daemon.call("status", "--json").output
                #expect(status.contains("\"missedObjectives\" : [\n\n      ]"), "\(status)")
                // Nothing is due before noon, and nobody asks.
                let told = "missed: RPO missed: the newest good dump is 7h old, the objective is 7h"
                try await daemon.says(told, seconds: 30)
                try await until("STATUS says so: \(daemon.notify.statuses)") {
                    daemon.notify.statuses.last?.contains(told.replacing(": RPO", with: " RPO")) == true
                }
                for _ in 1...2 { try await daemon.reload() }
                #expect(daemon.lines(with: "RPO missed").count == 1)
                let check = try await daemon.call("status", "--check")
                #expect(check.status == 1 && check.error.contains("RPO missed"), "\(check.error)")
                #expect(check.output.contains("7h / 7h"), "\(check.output)")

                try await host.server.create("missed rpo", "create table t (id int)")
                try await DrillDaemonTests.pass(instant("2026-11-24T12:00:00Z"), daemon)
                try await daemon.says("missed: RPO met again: ")
                let good = try await daemon.call("status", "--check")
                #expect(good.status == 0, "\(good.error)")
                for _ in 1...2 { try await daemon.reload() }
                #expect(daemon.lines(with: "RPO missed").count == 1 && daemon.lines(with: "met again").count == 1)
                try await until("STATUS is calm") { daemon.notify.statuses.last?.hasPrefix("1 job, next ") == true }
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("missed rpo")
        }
    }

    @Test func `the RTO is what the last drill took, and missed when that is more`() async throws {
        try await withHost { host in
            try await host.server.create(
                "slow rto", "create materialized view v as select pg_sleep(1.6)::text as slept")
            func write(_ objectives: String) throws {
                try host.write(
                    "\"slow\": {\"database\": \"slow rto\", \"calendar\": \"*-*-* 02:00:00\", \"objectives\": {\(objectives)}}"
                )
            }
            try write("\"rto\": \"1s\"")
            #expect(try await host.call("backup", "slow").status == 0)
            // Nobody has measured it yet.
            let before = try await host.call("status", "--check")
            #expect(before.status == 0 && before.output.contains("- / 1s"), "\(before.output)")
            let drill = try await host.call("drill", "slow")
            #expect(drill.status == 0, "\(drill.error)")
            let missed = try await host.call("status", "--check")
            #expect(missed.status == 1 && missed.error.contains("RTO missed: the last drill took"), "\(missed.error)")
            #expect(missed.error.contains("the objective is 1s") && missed.output.contains("s / 1s"))
            try await host.withDaemon { daemon in
                try await daemon.says("slow: RTO missed: the last drill took")
                try await until("STATUS says so") { daemon.notify.statuses.last?.contains("slow RTO missed") == true }
                try write("\"rto\": \"10min\"")
                try await daemon.reload()
                try await daemon.says("slow: RTO met again: ")
                #expect(daemon.lines(with: "RTO missed").count == 1)
                #expect(try await daemon.stop() == 0)
            }
            #expect(try await host.call("status", "--check").status == 0)
            // Nobody wants it any faster: no objective.
            try write("")
            let open = try await host.call("status", "--check")
            #expect(open.status == 0 && open.output.contains("s / -"), "\(open.output)")
            try await host.server.drop("slow rto")
        }
    }

    @Test func `what is wanted of a job that was never dumped is wanted from its first day`() async throws {
        try await withHost { host in
            try host.write("\"new\": {\"calendar\": \"*-*-* 02:00:00\", \"objectives\": {\"rpo\": \"1s\"}}")
            let unseen = try await host.call("status", "--check")
            #expect(unseen.status == 1 && unseen.error.contains("new is waiting"), "\(unseen.error)")
            #expect(try await host.call("backup", "new").status == 69)
            try await Task.sleep(for: .seconds(2))
            let late = try await host.call("status", "--check")
            #expect(late.status == 1 && late.error.contains("there is no good dump"), "\(late.error)")
        }
    }
}
