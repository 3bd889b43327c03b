import BackupCore
import BackupRuntime
import Foundation
import Testing

/// What a good schedule decodes to. What is wrong with others is in ScheduleFaultTests and ScheduleValueTests.
@Suite struct ScheduleTests {
    private typealias Sample = ScheduleSample

    @Test func `the shipped schedule is the five jobs`() throws {
        let schedule = try ScheduleDecoder.decode(try Sample.shipped(), file: "schedule.json", zones: ZoneFiles.lookup)
        #expect(schedule.jobs.map(\.name) == ["postgres", "archon_db", "n8n_db", "langfuse_db", "odoo_db"])
        #expect(schedule.jobs.map(\.database) == schedule.jobs.map(\.name))
        #expect(schedule.jobs.map(\.retention.keepLast) == [30, 14, 14, 4, 60])
        #expect(
            schedule.jobs.map(\.trigger.source) == [
                "*-*-* 00/6:00:00", "*-*-* 02:00:00", "*-*-* 03:00:00", "Sun *-*-* 04:00:00", "*-*-* 08,12,16,20:00:00",
            ])
        #expect(schedule.jobs.allSatisfy { $0.zone == .utc && $0.server == "supabase" && $0.isEnabled })
        #expect(schedule.jobs.allSatisfy { $0.timeoutSeconds == 7200 && $0.lockTimeoutSeconds == 60 })
        // 6 h, 24 h, 24 h, 7 d and 12 h between slots, and a tenth of it.
        #expect(schedule.jobs.map { $0.objectives.rpoSeconds / 360 } == [66, 264, 264, 1848, 132])
        // Archon's tables belong into archon_db and nowhere else.
        #expect(schedule.jobs.map { $0.expected?.tables.map(\.count) } == [[0], [11], nil, nil, nil])
        #expect(
            schedule.jobs.compactMap { $0.expected?.tables.map(\.pattern.source) }.flatMap(\.self).allSatisfy {
                $0 == "public.archon_*"
            })
        #expect(schedule.jobs[1].expected?.extensions == ["vector", "pg_trgm", "uuid-ossp"])
        #expect(schedule.storage == .init(root: "/backups/supabase-ai", minimumFree: 5 << 30))
        #expect(schedule.servers.map(\.connection) == ["host=/var/run/postgresql user=postgres"])
    }

    @Test func `what is not said has its default`() throws {
        let schedule = try Sample.decode(Sample.file())
        #expect(schedule.storage == .init(root: "/backups", minimumFree: 1 << 30, state: nil))
        #expect(schedule.concurrency == 2)
        #expect(schedule.servers == [Server(name: "main", connection: "user=postgres")])
        #expect(schedule.servers[0].concurrency == 1 && schedule.servers[0].maintenanceDatabase == "postgres")
        let job = try #require(schedule.jobs.first)
        #expect(job == Job(name: "app", server: "main", database: "app", trigger: job.trigger, zone: .utc))
        #expect(job.jitterSeconds == 0 && job.catchUp == .once && job.format == .auto && job.compression == .auto)
        #expect(job.workers == nil && job.timeoutSeconds == 7200 && job.lockTimeoutSeconds == 60 && job.isEnabled)
        #expect(job.retry.attempts == 3 && job.retry.delaySeconds == 300 && job.dumpsGlobals)
        #expect(job.before == nil && job.after == nil && job.retention == Retention())
        #expect(job.proof == .read && job.drill.isEnabled && job.drill.place == .throwaway && job.drill.zone == .utc)
        #expect(job.drill.assertions.isEmpty && job.drill.timeoutSeconds == 3600)
        #expect(job.objectives.rtoSeconds == nil && !job.objectives.rpoIsExplicit)
    }

    @Test func `contacts are read in their order`() throws {
        #expect(try Sample.decode(Sample.file()).contacts.isEmpty)
        let text =
            #""contacts": [{ "name": "Ana", "role": "r", "phone": "1", "email": "a@b", "note": "n" }, { "name": "B" }]"#
        #expect(
            try Sample.decode(Sample.file(top: text)).contacts == [
                Contact(name: "Ana", role: "r", phone: "1", email: "a@b", note: "n"), Contact(name: "B"),
            ])
        let unnamed = Sample.faults(Sample.file(top: #""contacts": [{ "phone": "1" }]"#))
        #expect(unnamed.map(\.path) == ["$.contacts[0]"])
    }

    struct Meaning: Sendable, CustomTestStringConvertible {
        let member: String
        let holds: @Sendable (Job) -> Bool
        var testDescription: String { member }

        init(_ member: String, _ holds: @escaping @Sendable (Job) -> Bool) {
            (self.member, self.holds) = (member, holds)
        }
    }

    /// What `defaults` and a job may both say.
    static let options = [
        Meaning(#""jitter": "0s""#) { $0.jitterSeconds == 0 },
        Meaning(#""jitter": "1d""#) { $0.jitterSeconds == 86_400 },
        Meaning(#""catchUp": "never""#) { $0.catchUp == .never },
        Meaning(#""catchUp": "once""#) { $0.catchUp == .once },
        Meaning(#""format": "auto", "jobs": 2"#) { $0.format == .auto && $0.workers == 2 },
        Meaning(#""format": "directory""#) { $0.format == .directory },
        Meaning(#""format": "custom", "jobs": 1"#) { $0.format == .custom && $0.workers == 1 },
        Meaning(#""format": "directory", "jobs": 64"#) { $0.format == .directory && $0.workers == 64 },
        Meaning(#""compression": "auto""#) { $0.compression == .auto },
        Meaning(#""compression": "none""#) { $0.compression == Compression.none },
        Meaning(#""compression": "lz4""#) { $0.compression == .lz4 },
        Meaning(#""compression": "gzip:9""#) { $0.compression == .gzip(9) },
        Meaning(#""compression": "zstd:22""#) { $0.compression == .zstd(22) },
        Meaning(#""timeout": "1s""#) { $0.timeoutSeconds == 1 },
        Meaning(#""timeout": "31d""#) { $0.timeoutSeconds == 2_678_400 },
        Meaning(#""lockTimeout": "1ms""#) { $0.lockTimeoutSeconds == 0.001 },
        Meaning(#""retry": {}"#) { $0.retry == .init() },
        Meaning(#""retry": { "attempts": 1 }"#) { $0.retry == .init(attempts: 1) },
        Meaning(#""retry": { "attempts": 100, "delay": "0" }"#) { $0.retry == .init(attempts: 100, delaySeconds: 0) },
        Meaning(#""excludeTableData": ["public.log_*", "\"A\".b"]"#) {
            $0.excludeTableData == ["public.log_*", "\"A\".b"]
        },
        Meaning(#""globals": false"#) { !$0.dumpsGlobals },
        Meaning(#""hooks": { "before": ["/bin/a", "--password=$(cat /x)"] }"#) {
            $0.before == .init(command: ["/bin/a", "--password=$(cat /x)"])
        },
        Meaning(#""hooks": { "after": ["/bin/a"], "timeout": "1h" }"#) {
            $0.after == .init(command: ["/bin/a"], timeoutSeconds: 3600)
        },
        Meaning(#""retention": {}"#) { $0.retention == Retention() },
        Meaning(#""retention": { "keepLast": 1 }"#) { $0.retention.keepLast == 1 },
        Meaning(#""retention": { "keepLast": 100000 }"#) { $0.retention.keepLast == 100_000 },
        Meaning(#""retention": { "keepHourly": 2 }"#) { $0.retention.keepHourly == 2 },
        Meaning(#""retention": { "keepDaily": 3 }"#) { $0.retention.keepDaily == 3 },
        Meaning(#""retention": { "keepWeekly": 4 }"#) { $0.retention.keepWeekly == 4 },
        Meaning(#""retention": { "keepMonthly": 5 }"#) { $0.retention.keepMonthly == 5 },
        Meaning(#""retention": { "keepYearly": 6 }"#) { $0.retention.keepYearly == 6 },
        Meaning(#""retention": { "keepAtLeast": 7 }"#) { $0.retention.keepAtLeast == 7 },
        Meaning(#""retention": { "keepWithin": "30d" }"#) { $0.retention.keepWithinSeconds == 2_592_000 },
        Meaning(#""retention": { "maximumBytes": "1.5GiB" }"#) { $0.retention.maximumBytes == 1_610_612_736 },
        Meaning(#""retention": { "maximumBytes": 5368709120 }"#) { $0.retention.maximumBytes == 5 << 30 },
        Meaning(#""proof": "read""#) { $0.proof == .read },
        Meaning(#""proof": "source""#) { $0.proof == .source },
        Meaning(#""proof": "source-content""#) { $0.proof == .sourceContent },
        Meaning(#""drill": {}"#) { $0.drill == DrillRule(weeklyFor: "app", in: .utc) },
        Meaning(#""drill": { "enabled": false }"#) { !$0.drill.isEnabled },
        Meaning(#""drill": { "calendar": "Sun 05:00" }"#) { $0.drill.trigger.source == "Sun 05:00" },
        Meaning(#""drill": { "calendar": "Sun 05:00 Europe/Sofia" }"#) {
            $0.drill.zone.name == "Europe/Sofia" && $0.zone == .utc
        },
        Meaning(#""drill": { "cron": "0 5 * * 0" }"#) { $0.drill.trigger.source == "0 5 * * 0" },
        Meaning(#""drill": { "on": "throwaway" }"#) { $0.drill.place == .throwaway },
        Meaning(#""drill": { "on": "main" }"#) { $0.drill.place == .server("main") },
        Meaning(#""drill": { "assertions": [] }"#) { $0.drill.assertions.isEmpty },
        Meaning(#""drill": { "assertions": ["SELECT count(*) > 0 FROM \"A\"", "SELECT password IS NULL FROM u"] }"#) {
            $0.drill.assertions == ["SELECT count(*) > 0 FROM \"A\"", "SELECT password IS NULL FROM u"]
        },
        Meaning(#""drill": { "timeout": "31d" }"#) { $0.drill.timeoutSeconds == 2_678_400 },
        Meaning(#""objectives": {}"#) { $0.objectives == Objectives(rpoSeconds: 95_040, rpoIsExplicit: false) },
        Meaning(#""objectives": { "rpo": "7h" }"#) { $0.objectives == Objectives(rpoSeconds: 25_200) },
        Meaning(#""objectives": { "rpo": "1s", "rto": "31d" }"#) {
            $0.objectives == Objectives(rpoSeconds: 1, rtoSeconds: 2_678_400)
        },
        Meaning(#""objectives": { "rto": "10min" }"#) {
            $0.objectives == Objectives(rpoSeconds: 95_040, rtoSeconds: 600, rpoIsExplicit: false)
        },
    ]

    static let ofJobs = [
        Meaning(#""calendar": "Sun 04:00""#) { $0.trigger.source == "Sun 04:00" },
        Meaning(#""cron": "*/5 * * * *""#) { $0.trigger.source == "*/5 * * * *" },
        Meaning(#""cron": "@daily", "timeZone": "Europe/Sofia""#) { $0.zone.name == "Europe/Sofia" },
        // The zone at the end of the expression is nearer.
        Meaning(#""calendar": "02:00 Asia/Tokyo", "timeZone": "Europe/Sofia""#) { $0.zone.name == "Asia/Tokyo" },
        Meaning(#""cron": "@daily", "server": "main""#) { $0.server == "main" },
        Meaning(#""cron": "@daily", "database": "a\"b/c"# + #"""#) { $0.name == "app" && $0.database == "a\"b/c" },
        Meaning(#""cron": "@daily", "enabled": false"#) { !$0.isEnabled },
        Meaning(#""cron": "@daily", "excludeTables": ["a", "b.*"]"#) { $0.excludeTables == ["a", "b.*"] },
        Meaning(#""cron": "@daily", "schemas": []"#) { $0.schemas.isEmpty },
        Meaning(#""cron": "@daily", "schemas": ["public"]"#) { $0.schemas == ["public"] },
        Meaning(#""cron": "@daily""#) { $0.criticality == .normal },
        Meaning(#""cron": "@daily", "criticality": "critical""#) { $0.criticality == .critical },
        Meaning(#""cron": "@daily", "criticality": "low""#) { $0.criticality == .low },
        Meaning(#""cron": "@daily""#) { $0.expected == nil },
        Meaning(#""cron": "@daily", "expect": { "tables": { "public.archon_*": 11, "\"A.b\".c": 0 } }"#) {
            $0.expected?.tables.map(\.pattern.source) == ["public.archon_*", "\"A.b\".c"]
                && $0.expected?.tables.map(\.count) == [11, 0] && $0.expected?.owner == nil
        },
        Meaning(#""cron": "@daily", "expect": { "extensions": ["vector"], "schemas": ["a"], "owner": "app" }"#) {
            $0.expected?.extensions == ["vector"] && $0.expected?.schemas == ["a"] && $0.expected?.owner == "app"
        },
    ]

    @Test(arguments: options.indices)
    func `an option of a job means what it says, and so in defaults`(index: Int) throws {
        let option = Self.options[index]
        let own = try Sample.decode(Sample.job(option.member)).jobs
        #expect(own.count == 1 && own.allSatisfy(option.holds), "\(own)")
        let inherited = try Sample.decode(Sample.file(defaults: option.member)).jobs
        #expect(inherited.count == 1 && inherited.allSatisfy(option.holds), "\(inherited)")
    }

    @Test(arguments: ofJobs.indices)
    func `a key that only jobs have means what it says`(index: Int) throws {
        let jobs = try Sample.decode(Sample.file(databases: "\"app\": { \(Self.ofJobs[index].member) }")).jobs
        #expect(jobs.count == 1 && jobs.allSatisfy(Self.ofJobs[index].holds), "\(jobs)")
    }

    @Test func `what a job says goes before defaults, and what it does not say stays`() throws {
        let text = Sample.file(
            top: #""timeZone": "Europe/Sofia""#,
            defaults: """
                "jitter": "5m", "timeout": "1h", "retry": { "attempts": 5, "delay": "1min" }, "globals": false,
                "retention": { "keepLast": 3, "keepDaily": 7 }, "hooks": { "before": ["/bin/b"], "timeout": "10s" }
                """,
            databases: """
                "one": { "cron": "@daily" },
                "two": { "cron": "@daily", "timeZone": "UTC", "jitter": "0s", "retry": { "delay": "2min" }, "globals": true,
                         "retention": { "keepLast": 9 }, "hooks": { "after": ["/bin/a"] } },
                "three": { "cron": "@daily", "hooks": { "timeout": "1h" } }
                """)
        let jobs = try Sample.decode(text).jobs
        #expect(jobs.map(\.zone.name) == ["Europe/Sofia", "UTC", "Europe/Sofia"])
        #expect(jobs.map(\.jitterSeconds) == [300, 0, 300])
        #expect(jobs.map(\.timeoutSeconds) == [3600, 3600, 3600])
        #expect(jobs[1].retry == .init(attempts: 5, delaySeconds: 120))
        #expect(jobs.map(\.dumpsGlobals) == [false, true, false])
        // A retention is taken whole.
        #expect(jobs.map(\.retention.keepLast) == [3, 9, 3] && jobs.map(\.retention.keepDaily) == [7, nil, 7])
        #expect(jobs.map(\.before?.timeoutSeconds) == [10, 10, 3600])
        #expect(
            jobs[1].before?.command == ["/bin/b"] && jobs[1].after == .init(command: ["/bin/a"], timeoutSeconds: 10))
    }

    @Test func `storage, servers and the rest of the top`() throws {
        let schedule = try Sample.decode(
            """
            { "$schema": "schedule.schema.json", "version": 1, "timeZone": "Asia/Tokyo", "concurrency": 64,
              "storage": { "root": "//backups//a/", "state": "/var/lib/x", "minimumFree": "0B" },
              "servers": {
                "one": { "connection": "host=db port=5433 user=backup sslmode=require options='-c a=b'", "concurrency": 64 },
                "two": { "connection": "postgresql://backup@[::1]:5432/?sslmode=verify-full", "passfile": "/etc/pgpass" },
                "three": { "connection": "service=prod", "passwordCredential": "prod", "maintenanceDatabase": "template1" },
                "four": { "connection": "postgresql://" }
              },
              "databases": { "a": { "server": "two", "calendar": "daily" } } }
            """)
        #expect(schedule.storage == .init(root: "/backups/a", minimumFree: 0, state: "/var/lib/x"))
        #expect(schedule.concurrency == 64 && schedule.servers.map(\.name) == ["one", "two", "three", "four"])
        #expect(schedule.servers[0].concurrency == 64 && schedule.servers[1].passfile == "/etc/pgpass")
        #expect(
            schedule.servers[2].passwordCredential == "prod" && schedule.servers[2].maintenanceDatabase == "template1")
        #expect(schedule.jobs.map(\.server) == ["two"] && schedule.jobs.map(\.zone.name) == ["Asia/Tokyo"])
    }
}
