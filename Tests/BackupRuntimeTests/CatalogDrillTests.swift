import BackupCore
@testable import BackupRuntime
import Foundation
import GRDB
import TestSupport
import Testing

/// What the catalog keeps of drills, and what they do to the state of a job.
@Suite struct CatalogDrillTests {
    private typealias Sample = CatalogSample

    private func withLedger(
        _ verdicts: [DrillVerdict?] = [nil, nil, nil], _ body: (Ledger, Schedule) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let schedule = try Sample.schedule(folder)
            try Sample.publish(verdicts, schedule)
            try await body(try open(schedule), schedule)
        }
    }

    private func open(_ schedule: Schedule) throws -> Ledger {
        try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { event in
            if event.kind == .warning { Issue.record("\(event.message)") }
        }
    }

    private func state(_ ledger: Ledger, _ schedule: Schedule) async throws -> JobState {
        let known = await ledger.known(of: schedule, now: instant("2026-11-24T00:00:00Z"))
        return try #require(known["app"]?.state)
    }

    private func request(_ schedule: Schedule, slot: Date?, attempt: Int = 1) -> DrillRun.Request {
        .init(job: schedule.jobs[0], schedule: schedule, slot: slot, attempt: attempt)
    }

    private func drillRows(_ schedule: Schedule) async throws -> [String] {
        let queue = try DatabaseQueue(path: Catalog.path(in: Daemon.stateFolder(of: schedule)))
        return try await queue.read {
            try String.fetchAll(
                $0, sql: "SELECT coalesce(verdict, '-') || ' ' || coalesce(reason, '-') FROM drill ORDER BY id")
        }
    }

    @Test func `a drill that has begun counts as interrupted until it has ended`() async throws {
        try await withLedger { ledger, schedule in
            let slot = instant("2026-11-23T05:00:00Z")
            let request = request(schedule, slot: slot, attempt: 2)
            let id = await ledger.beginDrill(request, dump: Sample.manifest(2), now: slot)
            let begun = try await state(ledger, schedule)
            #expect(begun.drillAccount == .init(slot: slot, attempts: 2, outcome: .interrupted, ended: slot))
            #expect(begun.lastDrill == nil)
            #expect(try CatalogReading.status(schedule, now: slot).jobs.map(\.drilling) == [true])
            // Another ledger, as after kill -9: the attempt has been counted.
            #expect(try await state(try open(schedule), schedule).drillAccount == begun.drillAccount)

            let record = Sample.record(.proven, night: 2, slot: slot)
            let number = await ledger.endDrill(id, request, record, newestGood: nil)
            #expect(number == id)
            let ended = try await state(ledger, schedule)
            #expect(
                ended.drillAccount == .init(slot: slot, attempts: 2, outcome: .succeeded, ended: record.ended))
            var expected = record
            expected.id = number
            #expect(ended.lastDrill == expected && ended.lastProven == expected)
            let line = try CatalogReading.status(schedule, now: slot).jobs[0]
            #expect(line.drill == "proven" && !line.drilling && line.rtoSeconds == 12.5)
            #expect(try CatalogReading.drills(schedule, job: "app", limit: 9) == [expected])
        }
    }

    @Test func `an interrupted drill changes no verdict, and is over`() async throws {
        try await withLedger { ledger, schedule in
            let slot = instant("2026-11-23T05:00:00Z")
            let first = Sample.record(.proven, night: 2)
            _ = await ledger.endDrill(nil, request(schedule, slot: nil), first, newestGood: nil)
            let request = request(schedule, slot: slot)
            let id = await ledger.beginDrill(request, dump: Sample.manifest(2), now: slot)
            await ledger.interruptDrill(id, request, now: slot.addingTimeInterval(9))
            let state = try await state(try open(schedule), schedule)
            #expect(
                state.drillAccount
                    == .init(slot: slot, attempts: 1, outcome: .interrupted, ended: slot.addingTimeInterval(9)))
            #expect(state.lastDrill?.verdict == .proven)
            let line = try CatalogReading.status(schedule, now: slot).jobs[0]
            #expect(line.drill == "proven" && !line.drilling)
            #expect(try CatalogReading.drills(schedule, job: nil, limit: 9).count == 1)
        }
    }

    @Test func `a drill of a process that was killed is ended by whoever drills next or starts`() async throws {
        try await withLedger { ledger, schedule in
            let request = request(schedule, slot: Sample.nights[0])
            _ = await ledger.beginDrill(request, dump: Sample.manifest(2), now: Sample.nights[0])
            _ = await ledger.beginDrill(request, dump: Sample.manifest(2), now: Sample.nights[1])
            let left = "- the program ended before the drill did"
            let begun = try await drillRows(schedule)
            #expect(begun == [left, "- -"])
            await DrillRun(ledger: ledger, stateFolder: Daemon.stateFolder(of: schedule)) { _ in }.sweep(schedule)
            #expect(try await drillRows(schedule) == [left, left])
            #expect(try CatalogReading.status(schedule, now: Sample.nights[2]).jobs.map(\.drilling) == [false])
        }
    }

    @Test func `a failed drill of the newest dump moves the last success back, and the next success clears it`()
        async throws
    {
        try await withLedger { ledger, schedule in
            let before = try await state(ledger, schedule)
            #expect(before.lastSuccess == Sample.nights[2] && before.refuted == nil)
            let record = Sample.record(.failed, night: 2)
            _ = await ledger.endDrill(nil, request(schedule, slot: nil), record, newestGood: Sample.manifest(1))
            let refuted = try await state(ledger, schedule)
            #expect(refuted.lastSuccess == Sample.nights[1] && refuted.refuted == record.ended)
            #expect(refuted.lastDrill?.verdict == .failed && refuted.lastProven == nil)
            let report = try CatalogReading.status(schedule, now: instant("2026-11-23T12:00:00Z"))
            #expect(report.jobs[0].dumps == 2 && !report.healthy)
            let known = await ledger.known(of: schedule, now: Date())
            #expect(known["app"]?.facts.refuted == record.ended && known["app"]?.facts.drillSeconds == 60)

            let run = RunRequest(
                job: schedule.jobs[0], server: schedule.servers[0], storage: schedule.storage, slot: Sample.nights[2],
                attempt: 2)
            let failed = await ledger.begin(run, now: record.ended)
            await ledger.end(failed, run, .failed, manifest: nil, error: "x", now: record.ended)
            #expect(try await state(ledger, schedule).refuted == record.ended)
            let id = await ledger.begin(run, now: record.ended)
            let again = Sample.manifest(DumpName(job: "app", time: record.ended))
            await ledger.end(id, run, .succeeded, manifest: again, error: nil, now: record.ended)
            let good = try await state(ledger, schedule)
            #expect(good.refuted == nil && good.lastSuccess == record.ended && good.failures == 0)
            // Until a drill has proven the new one, the verdict stands.
            #expect(good.lastDrill?.verdict == .failed)
        }
    }

    @Test
    func `with no good dump left there is no last success, and a failed drill of an old one changes nothing else`()
        async throws
    {
        try await withLedger { ledger, schedule in
            let old = Sample.record(.failed, night: 0)
            _ = await ledger.endDrill(nil, request(schedule, slot: nil), old, newestGood: Sample.manifest(2))
            let state = try await state(ledger, schedule)
            #expect(state.lastSuccess == Sample.nights[2] && state.refuted == nil && state.lastDrill?.dump == old.dump)
            let newest = Sample.record(.failed, night: 2)
            _ = await ledger.endDrill(nil, request(schedule, slot: nil), newest, newestGood: nil)
            let none = try await self.state(ledger, schedule)
            #expect(none.lastSuccess == nil && none.refuted == newest.ended)
        }
    }

    @Test(arguments: [DrillVerdict.couldNotVerify, .notRun])
    func `a verdict that says nothing of the dump keeps what was proven`(verdict: DrillVerdict) async throws {
        try await withLedger { ledger, schedule in
            let proven = Sample.record(.proven, night: 2)
            _ = await ledger.endDrill(nil, request(schedule, slot: nil), proven, newestGood: nil)
            _ = await ledger.endDrill(
                nil, request(schedule, slot: nil), Sample.record(verdict, night: 2), newestGood: nil)
            let state = try await state(ledger, schedule)
            #expect(state.lastDrill?.verdict == verdict && state.lastProven?.verdict == .proven)
            #expect(state.refuted == nil && state.lastSuccess == Sample.nights[2])
        }
    }

    @Test func `made again from the manifests, it has drills and proofs`() async throws {
        try await withLedger([.proven, .proven, nil]) { ledger, schedule in
            let state = try await state(ledger, schedule)
            #expect(state.lastProven?.dump == Sample.manifest(1).dump && state.lastDrill == state.lastProven)
            #expect(state.lastProven?.restoreSeconds == 12.5 && state.lastProven?.assertions == 2)
            #expect(state.lastSuccess == Sample.nights[2] && state.refuted == nil)
            // Its slot has been served: a lost catalog does not mean a drill of every job.
            let drill = Sample.drill(.proven, night: 1)
            #expect(
                state.drillAccount
                    == .init(slot: drill.began, attempts: 1, outcome: .succeeded, ended: drill.ended))
            let line = try CatalogReading.status(schedule, now: instant("2026-11-23T12:00:00Z")).jobs[0]
            #expect(line.drill == "stale" && line.dumps == 3 && line.rtoSeconds == 12.5)
        }
    }

    @Test func `made again from the manifests, a refuted newest dump is still refuted`() async throws {
        try await withLedger([.proven, nil, .failed]) { ledger, schedule in
            let state = try await state(ledger, schedule)
            #expect(state.lastSuccess == Sample.nights[1] && state.lastDrill?.verdict == .failed)
            #expect(state.refuted == Sample.drill(.failed, night: 2).ended)
            #expect(state.lastProven?.dump == Sample.manifest(0).dump)
            let line = try CatalogReading.status(schedule, now: instant("2026-11-23T12:00:00Z")).jobs[0]
            #expect(line.drill == "failed" && line.drillReason == "why" && line.dumps == 2 && !line.healthy)
        }
        // With a newer good one it is history.
        try await withLedger([.failed, nil, .proven]) { ledger, schedule in
            let state = try await state(ledger, schedule)
            #expect(state.refuted == nil && state.lastDrill?.verdict == .proven)
        }
    }

    @Test func `a catalog of version 2 keeps everything that it knows`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try Sample.schedule(folder)
            let path = Daemon.stateFolder(of: schedule)
            try Disk.makeFolder(path)
            let old = try DatabaseQueue(path: Catalog.path(in: path))
            try Catalog.migrations().migrate(old, upTo: "2")
            try await old.write {
                try $0.execute(
                    sql: """
                        INSERT INTO job (name, firstSeen, slot, attempts, slotOutcome, slotEnded, lastSuccess, lastBytes, lastRows,
                          lastSeconds, lastError, failures, missed, suspension)
                        VALUES ('app', 1, 2, 3, 'failed', 4, 5, 6, 7, 8.5, 'nine', 10, 11, 'twelve');
                        INSERT INTO run VALUES (1, 'app', 'db', 's', 2, 1, 0, 0, 3, 4, 'succeeded', 'd', 6, 7, NULL, 1);
                        INSERT INTO dump VALUES ('app', 'd', 3, 6, 7, 'read');
                        INSERT INTO daemon VALUES (1, 1, 1, '\(schedule.storage.root)')
                        """)
            }
            try old.close()
            let ledger = try open(schedule)
            let state = try await state(ledger, schedule)
            #expect(state.account?.slot == Date(microseconds: 2) && state.account?.attempts == 3)
            #expect(state.lastSuccess == Date(microseconds: 5) && state.lastBytes == 6 && state.lastRows == 7)
            #expect(state.lastSeconds == 8.5 && state.lastError == "nine" && state.failures == 10)
            #expect(state.missed == 11 && state.suspension == "twelve")
            #expect(state.drillAccount == nil && state.lastDrill == nil && state.refuted == nil)
            #expect(try CatalogReading.runs(schedule, job: "app", limit: 9).map(\.dump) == ["d"])
            #expect(try CatalogReading.status(schedule, now: Date()).jobs.map(\.dumps) == [1])
        }
    }

    /// Not a bound on time: with a million drills each of these would take a second if it walked over them.
    @Test func `no question of status walks over the drills`() async throws {
        try await withLedger { _, schedule in
            let queue = try DatabaseQueue(path: Catalog.path(in: Daemon.stateFolder(of: schedule)))
            try await queue.write { database in
                for number in 1...1000 {
                    try database.execute(
                        sql:
                            "INSERT INTO drill (job, attempt, began, ended, verdict, place, pid) VALUES ('app', 1, \(number), 2, 'proven', 's', 1)"
                    )
                }
                try database.execute(sql: "UPDATE job SET lastDrill = 1000, lastProven = 999; ANALYZE")
            }
            for sql in Catalog.questionsOfStatus {
                let plan = try await queue.read {
                    try Row.fetchAll($0, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
                }
                #expect(!plan.contains { $0 == "SCAN drill" || $0 == "SCAN run" }, "\(sql): \(plan)")
            }
            let plan = try await queue.read {
                try Row.fetchAll($0, sql: "EXPLAIN QUERY PLAN \(Catalog.lastDrillsQuestion)").map {
                    $0["detail"] as String
                }
            }
            #expect(plan.contains { $0.hasPrefix("SEARCH drill USING INTEGER PRIMARY KEY") }, "\(plan)")
            #expect(try CatalogReading.status(schedule, now: Date()).jobs.map(\.lastDrill) == [Date(microseconds: 2)])
        }
    }
}
