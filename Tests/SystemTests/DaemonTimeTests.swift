import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The built daemon on a clock that the test moves.
@Suite struct DaemonTimeTests {
    static let daily = DaemonTests.daily

    /// Five databases, the shipped schedule, every slot of five weeks, a real dump and a real prune at each: what is kept is
    /// what the schedule promises.
    @Test func `the shipped schedule over a month keeps 30, 14, 14, 4 and 60 dumps`() async throws {
        try await withOwnServer { host in
            let server = host.server
            for name in ["archon_db", "n8n_db", "langfuse_db", "odoo_db"] {
                try await server.create(name, "create table t as select generate_series(1, 50) g")
            }
            let schedule = try host.writeShipped()
            let began = instant("2026-11-01T00:30:00Z")
            let end = instant("2026-12-01T00:30:00Z")
            let due = schedule.jobs.flatMap { job in
                slots(job.trigger, after: began, in: job.zone, count: 200).filter { $0 < end }.map { ($0, job.name) }
            }
            let instants = Set(due.map(\.0)).sorted()
            #expect(instants.count > 250)
            try await host.withDaemon(clock: began) { daemon in
                // Each is due at once when it has never run.
                try await daemon.says("read back in full", times: 5)
                var done = 5
                for slot in instants {
                    try daemon.setClock(slot.addingTimeInterval(-0.05))
                    try await daemon.reload()
                    done += due.count { $0.0 == slot }
                    try await daemon.says("read back in full", times: done)
                }
                #expect(try await daemon.stop() == 0)
                #expect(daemon.lines(with: "failed").isEmpty)
            }
            let kept = ["postgres": 30, "archon_db": 14, "n8n_db": 14, "langfuse_db": 4, "odoo_db": 60]
            for job in schedule.jobs {
                let dumps = try JobFolder(job: job, root: schedule.storage.root).list()
                #expect(dumps.count == kept[job.name], "\(job.name)")
                let expected = ([DueSlots.latest(of: job, now: began)] + due.filter { $0.1 == job.name }.map(\.0))
                    .compactMap { $0 }.suffix(kept[job.name] ?? 0)
                #expect(dumps.compactMap(\.manifest?.slot) == Array(expected), "\(job.name)")
                let runs = try await host.history(job.name)
                #expect(
                    runs.count == 1 + due.count { $0.1 == job.name } && runs.allSatisfy { $0.outcome == "succeeded" })
                #expect(Set(runs.compactMap(\.slot)).count == runs.count, "\(job.name): a slot ran twice")
            }
        }
    }

    @Test func `three nights without the daemon are made up for by one run that counts them`() async throws {
        try await withHost { host in
            try await host.server.create("nights", "create table t (id int)")
            try await host.server.create("nights never", "create table t (id int)")
            let never = "\"never\": {\"database\": \"nights never\", \(Self.daily), \"catchUp\": \"never\"}"
            try host.write("\"nights\": {\(Self.daily)}, \(never)")
            try await host.withDaemon(clock: instant("2026-11-20T01:50:00Z")) { daemon in
                try await daemon.says("nights: backup_nights_20261120T01")
                try daemon.setClock(instant("2026-11-20T01:59:59Z"))
                try await daemon.reload()
                try await daemon.says("nights: backup_nights_20261120T02")
                try await daemon.says("never: backup_never_20261120T02")
                #expect(try await daemon.stop() == 0)
            }
            try await host.withDaemon(clock: instant("2026-11-23T09:00:00Z")) { daemon in
                try await daemon.says("nights: backup_nights_20261123T09")
                try await daemon.says("never: 3 slots were missed and are not made up for")
                #expect(daemon.lines(with: "nights: 3 slots were missed").count == 1)
                #expect(try await daemon.stop() == 0)
            }
            let runs = try await host.history("nights")
            #expect(runs.last?.missed == 3 && runs.last?.slot == instant("2026-11-23T02:00:00Z"))
            #expect(try await host.history("never").count == 1)
            try await host.server.drop("nights")
            try await host.server.drop("nights never")
        }
    }

    @Test func `clock steps in both directions cost no backup and make none twice`() async throws {
        try await withHost { host in
            try await host.server.create("steps", "create table t (id int)")
            try host.write("\"steps\": {\(Self.daily)}")
            try await host.withDaemon(clock: instant("2026-11-20T01:00:00Z")) { daemon in
                try await daemon.says("steps: backup_steps_20261120T01")
                // Forward over one slot: it is made up for.
                try daemon.setClock(instant("2026-11-20T05:00:00Z"))
                try await daemon.reload()
                try await daemon.says("steps: backup_steps_20261120T05")
                #expect(daemon.lines(with: "the clock was stepped by").count == 1)
                // Back before that slot: it has been served, and is not served again when it comes.
                try daemon.setClock(instant("2026-11-20T01:59:59Z"))
                try await daemon.reload()
                try await Task.sleep(for: .seconds(2))
                try await daemon.reload()
                #expect(daemon.lines(with: "read back in full").count == 2)
                // Years ahead and back again, as a dead clock battery does it: the next night has its backup.
                try daemon.setClock(instant("2031-01-01T12:00:00Z"))
                try await daemon.reload()
                try await daemon.says("read back in full", times: 3)
                try daemon.setClock(instant("2026-11-20T12:00:00Z"))
                try await daemon.reload()
                try daemon.setClock(instant("2026-11-21T01:59:59Z"))
                try await daemon.reload()
                try await daemon.says("steps: backup_steps_20261121T02")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("steps")
        }
    }

    @Test func `a slot in the gap of a spring night runs at the end of the gap`() async throws {
        try await withHost { host in
            try await host.server.create("spring", "create table t (id int)")
            try host.write(
                "\"spring\": {\"calendar\": \"*-*-* 03:30:00\", \"timeZone\": \"Europe/Sofia\", \"catchUp\": \"never\"}"
            )
            try await host.withDaemon(clock: instant("2026-03-29T00:50:00Z")) { daemon in
                try daemon.setClock(instant("2026-03-29T00:59:59Z"))
                try await daemon.reload()
                try await daemon.says("spring: backup_spring_20260329T0100")
                #expect(try await daemon.stop() == 0)
            }
            #expect(try await host.history().map(\.slot) == [instant("2026-03-29T01:00:00Z")])
            try await host.server.drop("spring")
        }
    }

    @Test func `slots that fall due during a run are coalesced and counted`() async throws {
        try await withHost { host in
            try await host.server.create("busy", "create table t (id int)")
            try host.write(
                "\"busy\": {\"calendar\": \"*:*:*\", \"hooks\": {\"before\": [\"/bin/sleep\", \"3\"]}, \"retention\": {\"keepLast\": 9}}"
            )
            try await host.withDaemon { daemon in
                try await daemon.says("busy: backup_busy_", times: 2)
                #expect(try await daemon.stop() == 0)
            }
            let second = try await host.history()[1]
            #expect(second.coalesced >= 2 && second.missed == 0, "\(second)")
            try await host.server.drop("busy")
        }
    }
}
