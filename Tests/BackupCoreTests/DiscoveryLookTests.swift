import BackupCore
import Foundation
import TestSupport
import Testing

/// What one look at a server makes of what is remembered: values in, values out.
@Suite struct DiscoveryLookTests {
    private static let then = instant("2026-11-23T02:00:00Z")
    private static let now = instant("2026-11-24T02:00:00Z")

    private func schedule(_ databases: String = "", exclude: String = "", state: String = "/s") throws -> Schedule {
        let discover = "\"discover\": { \"exclude\": [\(exclude)], \"as\": { \"calendar\": \"daily\" } }"
        return try ScheduleSample.decode(
            """
            { "version": 1, "storage": { "root": "/b", "state": "\(state)" },
              "servers": { "one": { "connection": "host=a", \(discover) }, "two": { "connection": "host=b", \(discover) },
                           "plain": { "connection": "host=c" } },
              "databases": { \(databases) } }
            """)
    }

    private func found(_ names: String..., server: String = "one", standing: FoundDatabase.Standing = .present)
        -> [FoundDatabase]
    {
        names.enumerated().map { index, name in
            FoundDatabase(
                server: server, database: name, job: name, oid: Int64(index + 1), standing: standing, since: Self.then)
        }
    }

    private func look(
        _ listed: [DiscoveryLook.Listed], of server: String = "one", in schedule: Schedule,
        remembered: [FoundDatabase] = [], hasDumps: Bool = true
    ) -> DiscoveryLook {
        DiscoveryLook(listed, of: server, in: schedule, remembered: remembered, now: Self.now) { _ in hasDumps }
    }

    private func listed(_ names: String...) -> [DiscoveryLook.Listed] {
        names.enumerated().map { .init(name: $1, oid: Int64($0 + 1)) }
    }

    @Test func `new databases are found, in the order of their names, but for templates, patterns and written jobs`()
        throws
    {
        let schedule = try schedule(
            #""mine": { "server": "one", "database": "written", "calendar": "daily" }, "other": { "server": "two", "calendar": "daily" }"#,
            exclude: #""test_*""#)
        let look = look(
            listed(
                "written", "template1", "zebra", "postgres", "test_1", "app", "archon_drill_20261123T020000Z_x_y",
                "app_before_20261123T020000Z", "app_restored_20261123T020000Z", "app_before_noon", "other"),
            in: schedule)
        #expect(look.found.map(\.database) == ["app", "app_before_noon", "other", "postgres", "zebra"])
        // The written job of another server has the name.
        #expect(look.found.map(\.job) == ["app", "app_before_noon", "one-other", "postgres", "zebra"])
        #expect(look.changes == look.found.map { .found($0) })
        #expect(look.found.allSatisfy { $0.since == Self.now && $0.standing == .present })
        let jobs = schedule.including(look.found).jobs
        #expect(jobs.map(\.name) == ["mine", "other"] + look.found.map(\.job))
    }

    @Test func `a second look at the same databases changes nothing`() throws {
        let schedule = try schedule()
        let first = look(listed("a", "b"), in: schedule)
        let second = look(listed("a", "b"), in: schedule, remembered: first.found)
        #expect(second.found == first.found && second.changes.isEmpty)
    }

    @Test func `a database that is gone is told once, kept while it has dumps, and back when it is there`() throws {
        let schedule = try schedule()
        let gone = look(listed("a"), in: schedule, remembered: found("a", "b"))
        #expect(gone.found.map(\.standing) == [.present, .vanished] && gone.found[1].since == Self.now)
        #expect(gone.changes == [.vanished(gone.found[1], renamedTo: nil)])
        #expect(schedule.including(gone.found).jobs.map(\.isEnabled) == [true, false])
        let still = look(listed("a"), in: schedule, remembered: gone.found)
        #expect(still.found == gone.found && still.changes.isEmpty)
        let back = look(listed("a", "b"), in: schedule, remembered: gone.found)
        #expect(back.found.map(\.standing) == [.present, .present] && back.changes == [.returned(back.found[1])])
        let forgotten = look(listed("a"), in: schedule, remembered: gone.found, hasDumps: false)
        #expect(forgotten.found.map(\.database) == ["a"] && forgotten.changes.isEmpty)
    }

    @Test func `a renamed database is one that vanished and one that was found, and both are told`() throws {
        let look = look([.init(name: "new", oid: 1)], in: try schedule(), remembered: found("old"))
        #expect(look.found.map(\.database) == ["old", "new"])
        #expect(look.changes == [.vanished(look.found[0], renamedTo: "new"), .found(look.found[1])])
    }

    @Test func `one that lets nobody in is named, at once and when it opens`() throws {
        let schedule = try schedule()
        let closed = look([.init(name: "a", oid: 1, allowsConnections: false)], in: schedule)
        #expect(closed.changes == [.closed(closed.found[0])] && closed.found[0].standing == .closed)
        #expect(schedule.including(closed.found).jobs.map(\.isEnabled) == [false])
        let open = look(listed("a"), in: schedule, remembered: closed.found)
        #expect(open.changes == [.returned(open.found[0])])
        let shut = look([.init(name: "a", oid: 1, allowsConnections: false)], in: schedule, remembered: open.found)
        #expect(shut.changes == [.closed(shut.found[0])])
    }

    @Test func `what the schedule no longer asks for is forgotten without a word`() throws {
        let remembered = found("test_1", "mine", "a") + found("x", server: "plain")
        let schedule = try schedule(#""mine": { "server": "one", "calendar": "daily" }"#, exclude: #""test_*""#)
        let look = look(listed("test_1", "mine", "a"), in: schedule, remembered: remembered)
        #expect(look.found.map(\.database) == ["a"] && look.changes.isEmpty)
        // A written job has taken the name of a found one: that gets another.
        let renamed = try self.schedule(#""a": { "server": "plain", "calendar": "daily" }"#)
        #expect(renamed.fitting(found("a")).map(\.job) == ["one-a"])
    }

    @Test func `the other server's are left as they are`() throws {
        let others = found("a", server: "two")
        let look = look(listed("a", "b"), in: try schedule(), remembered: others)
        #expect(look.found.map { "\($0.server).\($0.job)" } == ["two.a", "one.one-a", "one.b"])
    }

    @Test func `a database's name that is no name of a job is made one`() {
        #expect(
            FoundNames.possible("app", on: "main") == ["app", "main-app", FoundNames.possible("app", on: "main")[2]])
        #expect(FoundNames.possible("app", on: "main")[2].hasPrefix("app-"))
        for name in [
            "a/b", "..", ".", "-x", " a ", "a\u{7}b", "a..b", "password=x", String(repeating: "é", count: 31) + "/",
            String(repeating: "x", count: 63),
        ] {
            for possible in FoundNames.possible(name, on: "main") {
                let sample = ScheduleSample.file(databases: "\"\(possible)\": { \"calendar\": \"daily\" }")
                #expect(ScheduleSample.faults(sample).isEmpty, "\(name): \(possible)")
            }
        }
        // What differs by a sign that cannot be kept still differs.
        #expect(Set(["a/b", "a.b/", "a b/", "a_b"].flatMap { FoundNames.possible($0, on: "m").prefix(1) }).count == 4)
    }

    @Test func `the catalog's folder beside those of the jobs is no job's`() throws {
        let look = look(listed("state"), in: try schedule(state: "/b/state/x"))
        #expect(look.found.map(\.job) == ["one-state"])
    }

    @Test(arguments: [1, 7, 1926]) func `whatever comes and goes, each database has one job, and each job one folder`(
        seed: UInt64
    ) throws {
        var random = SplitMix64(seed: seed)
        let names = ["app", "App", "APP.", "a/b", "a_b", "two-app", "one-app", "x", "tmp_1", "tmp_2", "..", " "]
        let schedule = try schedule(
            #""app": { "server": "plain", "calendar": "daily" }, "w": { "server": "one", "database": "x", "calendar": "daily" }"#,
            exclude: #""tmp_*""#)
        var remembered: [FoundDatabase] = []
        for round in 0..<300 {
            let server = Bool.random(using: &random) ? "one" : "two"
            let there = names.filter { _ in Bool.random(using: &random) }
            let listed = there.map { name in
                DiscoveryLook.Listed(
                    name: name, oid: Int64(names.firstIndex(of: name) ?? 0) + (server == "one" ? 100 : 200),
                    allowsConnections: Int.random(in: 0..<5, using: &random) > 0)
            }
            let keeps = Bool.random(using: &random)
            let look = DiscoveryLook(listed, of: server, in: schedule, remembered: remembered, now: Self.now) { _ in
                keeps
            }
            let jobs = schedule.including(look.found).jobs
            let folders = Set(jobs.map { $0.name.lowercased() })
            #expect(folders.count == jobs.count, "round \(round): \(jobs.map(\.name))")
            #expect(Set(jobs.map { "\($0.server)/\($0.database)" }).count == jobs.count)
            for name in there where !name.hasPrefix("tmp_") && !(server == "one" && name == "x") {
                let standing = look.found.first { $0.server == server && $0.database == name }?.standing
                let isOpen = listed.first { $0.name == name }?.allowsConnections
                #expect(standing == (isOpen == true ? .present : .closed), "round \(round): \(name)")
            }
            // A job keeps its name as long as it is remembered.
            for old in remembered {
                if let new = look.found.first(where: { $0.server == old.server && $0.database == old.database }) {
                    #expect(new.job == old.job)
                }
            }
            // What is gone is told exactly once.
            let told = look.changes.count { if case .vanished = $0 { true } else { false } }
            let gone = remembered.count {
                $0.server == server && $0.standing != .vanished && !there.contains($0.database)
            }
            #expect(told == gone, "round \(round)")
            remembered = look.found
        }
    }
}
