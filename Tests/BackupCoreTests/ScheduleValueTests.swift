import BackupCore
import Foundation
import Testing

/// Wrong types and impossible values, place by place.
@Suite struct ScheduleValueTests {
    private typealias Sample = ScheduleSample

    /// Where a key stands, as the members around it.
    enum Place: String, Sendable {
        case top = "$", storage = "$.storage", server = "$.servers.main", job = "$.databases.app"
        case retention = "$.databases.app.retention", retry = "$.databases.app.retry", hooks = "$.databases.app.hooks"
        case drill = "$.databases.app.drill", objectives = "$.databases.app.objectives"
        case expect = "$.databases.app.expect", contact = "$.contacts[0]"

        func file(_ member: String) -> String {
            switch self {
            case .top: Sample.file(top: member)
            case .storage: Sample.file(storage: (member.contains("\"root\"") ? "" : #""root": "/backups", "#) + member)
            case .server:
                Sample.file(server: (member.contains("\"connection\"") ? "" : #""connection": "user=u", "#) + member)
            case .job:
                member.contains("\"calendar\"") || member.contains("\"cron\"")
                    ? Sample.file(databases: "\"app\": { \(member) }") : Sample.job(member)
            case .retention: Sample.job("\"retention\": { \(member) }")
            case .retry: Sample.job("\"retry\": { \(member) }")
            case .hooks: Sample.job("\"hooks\": { \(member) }")
            case .drill: Sample.job("\"drill\": { \(member) }")
            case .objectives: Sample.job("\"objectives\": { \(member) }")
            case .contact:
                Sample.file(
                    top: "\"contacts\": [{ \((member.contains("\"name\"") ? "" : #""name": "A", "#) + member) }]")
            case .expect: Sample.job("\"expect\": { \(member) }")
            }
        }
    }

    /// Each key with values that it refuses, and what the hint has to say.
    static let refused: [(place: Place, key: String, values: [String], hint: String)] = [
        (.top, "$schema", ["1", "null"], "schedule.schema.json"),
        (.top, "timeZone", ["1", "\"\"", "\"Mars/Base\"", "\"../etc/passwd\"", "\"utc \""], "Europe/Sofia"),
        (.top, "concurrency", ["0", "65", "1.5", "1e1", "\"2\"", "true", "99999999999999999999"], "from 1 to 64"),
        (
            .storage, "root", ["5", "\"\"", "\"backups\"", "\"/\"", "\"/a/../b\"", "\"/./a\"", "\"a\\u0000\""],
            "/backups"
        ),
        (.storage, "state", ["[]", "\"x\"", "\"/x/..\""], "/var/lib/archon-backupd"),
        (
            .storage, "minimumFree",
            ["-1", "1.5", "1e9", "\"5 parsecs\"", "\"GiB\"", "\"-5GiB\"", "\"5.GiB\"", "\"99999PiB\"", "null"], "5GiB"
        ),
        (
            .server, "connection",
            ["{}", "\"\"", "\"host\"", "\"host = 'x\"", "\"host=x user\"", "\"=x\"", "\"HTTP://u@h\""], "host="
        ),
        (
            .server, "connection", ["\"host=x dbname=y\"", "\"postgresql://h/app\"", "\"postgresql://h?dbname=a\""],
            "Leave it out"
        ),
        (.server, "connection", ["\"passfile=/x\"", "\"postgresql://h?passfile=/x\""], "\"passfile\""),
        (.server, "concurrency", ["0", "65", "\"1\""], "from 1 to 64"),
        (.server, "passfile", ["\"pgpass\"", "7"], "/etc/archon-backupd/pgpass"),
        (.server, "passwordCredential", ["\"a/b\"", "\".a\""], "LoadCredential"),
        (.server, "maintenanceDatabase", ["\"\"", "5"], "postgres"),
        (.job, "server", ["\"other\"", "1"], "main"),
        (.job, "database", ["1", "\"\"", "\"\(String(repeating: "d", count: 64))\""], ""),
        (
            .job, "calendar",
            ["5", "\"\"", "\"tomorrow\"", "\"*-13-01\"", "\"25:00\"", "\"*-*-* 02:00:00 Mars/Base\""], ""
        ),
        (.job, "calendar", ["\"*-02-30 02:00:00\"", "\"Mon 2026-11-24 02:00:00\""], "month"),
        (.job, "cron", ["5", "\"* * * *\"", "\"61 * * * *\"", "\"@reboot\"", "\"0 0 30 2 *\""], ""),
        (.job, "timeZone", ["\"Nowhere\"", "{}"], "Europe/Sofia"),
        (.job, "enabled", ["1", "\"true\"", "null"], "true or false"),
        (.job, "jitter", ["\"25h\"", "\"x\"", "5", "\"-5m\"", "\"5 fortnights\""], ""),
        (.job, "catchUp", ["\"always\"", "true"], "once"),
        (.job, "format", ["\"tar\"", "\"plain\"", "\"Custom\""], "directory"),
        (
            .job, "compression",
            [
                "\"gzip\"", "\"gzip:0\"", "\"gzip:10\"", "\"gzip:+1\"", "\"gzip:01\"", "\"zstd:23\"", "\"lz4:1\"",
                "\"auto:1\"", "\"\"",
            ], "auto"
        ),
        (.job, "jobs", ["0", "65"], ""),
        (.job, "timeout", ["\"0s\"", "\"999ms\"", "\"32d\"", "3600", "\"infinity\""], ""),
        (.job, "lockTimeout", ["\"0s\"", "\"25h\"", "60"], ""),
        (.job, "excludeTables", ["\"a\"", "[1]", "[\"\"]", "{}"], "public.cache_*"),
        (.job, "excludeTableData", ["\"a\"", "[null]"], "public.log_*"),
        (.job, "schemas", ["\"a\"", "[[]]"], "public"),
        (.job, "globals", ["\"yes\"", "0"], "true or false"), (.job, "retry", ["3", "[]"], "{"),
        (.job, "hooks", ["[]"], "{"), (.job, "retention", ["14"], "{"),
        (.retention, "keepLast", ["0", "-1", "1.5", "\"3\"", "100001", "null"], "from 1 to 100000"),
        (.retention, "keepHourly", ["0"], "from 1"),
        (.retention, "keepDaily", ["0"], "from 1"), (.retention, "keepWeekly", ["0"], "from 1"),
        (.retention, "keepMonthly", ["0"], "from 1"),
        (.retention, "keepYearly", ["0"], "from 1"), (.retention, "keepAtLeast", ["0"], "from 1"),
        (.retention, "keepWithin", ["\"0s\"", "\"101y\"", "30"], ""),
        (.retention, "maximumBytes", ["0", "\"0B\"", "-1", "true"], "5GiB"),
        (.retry, "attempts", ["0", "101"], "from 1 to 100"), (.retry, "delay", ["\"25h\"", "300"], ""),
        (.hooks, "before", ["\"/bin/true\"", "[]", "[\"true\"]", "[\"/bin/x\", 5]"], "/usr/local/bin/program"),
        (.hooks, "after", ["[\"./x\"]", "[\"\"]"], "/usr/local/bin/program"),
        (.hooks, "timeout", ["\"0s\"", "\"25h\"", "5"], ""),
        (.job, "proof", ["\"Read\"", "\"sourceContent\"", "true", "\"\""], ""),
        (.job, "proof", ["\"drilled\""], "\"read\" or \"source\" or \"source-content\""),
        (.job, "drill", ["true", "\"Sun 05:00\"", "[]", "null"], "{"), (.job, "objectives", ["\"7h\"", "[]"], "{"),
        (.drill, "enabled", ["\"no\"", "0"], "true or false"),
        (
            .drill, "calendar", ["5", "\"\"", "\"sometimes\"", "\"*-02-30 02:00:00\"", "\"Sun 05:00 Mars/Base\""], ""
        ),
        (.drill, "cron", ["5", "\"* * * *\"", "\"0 5 * * 9\""], ""),
        (.drill, "on", ["\"other\"", "\"Throwaway\""], "throwaway, main"),
        (.drill, "on", ["\"\"", "1", "{}"], "throwaway"),
        (
            .drill, "assertions", ["\"SELECT true\"", "[1]", "[\"\"]", "[\"SELECT\\n1\"]", "[\"SELECT\\t1\"]", "{}"],
            "SELECT count(*) > 0"
        ),
        (.drill, "assertions", ["[\"SELECT 1\", \"SELECT * FROM t WHERE password = 'x'\"]"], "passfile"),
        (.drill, "timeout", ["\"0s\"", "\"999ms\"", "\"32d\"", "3600"], ""),
        (.job, "expect", ["{}", "[]", "11", "null"], "{"), (.expect, "tables", ["[]", "11", "\"public.a\""], "{"),
        (
            .expect, "tables", ["{ \"archon_*\": 1 }", "{ \"a.b.c\": 1 }", "{ \"a.\\\"b\": 1 }"],
            "double quotes"
        ),
        (.expect, "tables", ["{ \"p.a_%\": 0 }", "{ \"p.[a-z]*\": 0 }"], "Write * for any"),
        (.expect, "tables", ["{ \"p.a_*\": -1 }", "{ \"p.a_*\": \"11\" }"], "whole number"),
        (.expect, "extensions", ["\"vector\"", "[1]", "[\"\"]"], "pg_trgm"),
        (.expect, "schemas", ["\"a\"", "[[]]"], "public"), (.expect, "owner", ["1", "\"\"", "[]"], "postgres"),
        (.job, "criticality", ["1", "\"urgent\"", "\"\"", "null"], "critical"),
        (.top, "contacts", ["{}", "\"Ana\"", "[1]", "[\"Ana\"]"], "{"),
        (.contact, "name", ["1", "\"\""], "Ana"), (.contact, "phone", ["1", "[]", "\"\""], "+359"),
        (.contact, "role", ["true"], "administrator"), (.contact, "email", ["{}"], "example.org"),
        (.contact, "note", ["7"], "night"),
        (.objectives, "rpo", ["\"0s\"", "\"101y\"", "7", "\"soon\""], ""),
        (.objectives, "rto", ["\"0s\"", "\"32d\"", "10"], ""),
    ]

    @Test(arguments: refused.indices)
    func `a value that its key refuses`(index: Int) {
        let (place, key, values, hint) = Self.refused[index]
        for value in values {
            let (text, places) = Sample.unmarked(place.file("\"\(key)\": ‸\(value)"))
            let found = Sample.faults(text)
            #expect(found.count == 1, "\(key): \(value): \(found)")
            guard let fault = found.first, let mark = places.first else { continue }
            let path = key == "$schema" ? "$.$schema" : "\(place.rawValue).\(key)"
            #expect(fault.path == path || fault.path.hasPrefix("\(path)["), "\(fault)")
            // An element is blamed where it stands.
            if fault.path == path { #expect("\(fault.line):\(fault.column)" == mark, "\(fault)") }
            #expect(!fault.message.isEmpty && !fault.hint.isEmpty, "\(fault)")
            #expect(hint.isEmpty || fault.hint.contains(hint), "\(fault)")
        }
    }

    @Test(arguments: [
        (
            Sample.file().replacing("\"version\": 1,", with: "").replacing("{", with: "‸{", maxReplacements: 1), "$",
            "version"
        ),
        (Sample.file().replacing("\"version\": 1", with: "\"version\": ‸2"), "$.version", "Write 1"),
        (Sample.file().replacing("\"version\": 1", with: "\"version\": ‸\"1\""), "$.version", "Write 1"),
        (#"‸{ "version": 1, "servers": { "m": { "connection": "user=u" } }, "databases": {} }"#, "$", "storage"),
        (#"‸{ "version": 1, "storage": { "root": "/b" }, "databases": {} }"#, "$", "servers"),
        (
            #"‸{ "version": 1, "storage": { "root": "/b" }, "servers": { "m": { "connection": "user=u" } } }"#, "$",
            "databases"
        ),
        (
            Sample.file().replacing(#""root": "/backups""#, with: "").replacing(
                "\"storage\": {", with: "\"storage\": ‸{"), "$.storage", "root"
        ),
        (
            Sample.file().replacing("\"main\": { \"connection\": \"user=postgres\" }", with: "").replacing(
                "\"servers\": {", with: "\"servers\": ‸{"), "$.servers", "connection"
        ),
        (Sample.file(server: "").replacing("\"main\"", with: "‸\"main\""), "$.servers.main", "connection"),
        (Sample.file(databases: "‸\"app\": {}"), "$.databases.app", "calendar"),
        (Sample.file(databases: "\"app\": ‸\"daily\""), "$.databases.app", "{"),
        (Sample.job("\"cron\": ‸\"@daily\""), "$.databases.app.cron", "Keep one"),
        (
            Sample.job("\"drill\": { \"calendar\": \"Sun 05:00\", \"cron\": ‸\"@weekly\" }"),
            "$.databases.app.drill.cron", "Keep one"
        ),
        (
            Sample.file(defaults: "\"drill\": { \"cron\": ‸\"@weekly\", \"calendar\": \"Sun 05:00\" }"),
            "$.defaults.drill.cron", "Keep one"
        ),
        // Where it stands, and not once more for each job.
        (
            Sample.file(defaults: "\"drill\": { \"on\": ‸\"second\" }"), "$.defaults.drill.on",
            "Write one of throwaway, main."
        ),
        (
            Sample.file(server: "\"connection\": \"user=u\" }, ‸\"throwaway\": { \"connection\": \"user=u\"").replacing(
                "\"daily\"", with: "\"daily\", \"server\": \"main\""), "$.servers.throwaway", "Name it otherwise"
        ),
        (Sample.job("\"format\": \"custom\", \"jobs\": ‸2"), "$.databases.app.jobs", "directory"),
        (Sample.file(defaults: "\"format\": \"custom\", \"jobs\": ‸2"), "$.defaults.jobs", "directory"),
        (
            Sample.file(server: "\"connection\": \"user=u\", \"passfile\": ‸\"/x\", \"passwordCredential\": \"x\""),
            "$.servers.main.passfile", "Keep one"
        ),
        (
            Sample.file(server: "\"connection\": \"user=u\" }, \"second\": { \"connection\": \"user=u\"").replacing(
                "\"app\"", with: "‸\"app\""), "$.databases.app", "main, second"
        ),
    ])
    func `something is missing, or stands beside what excludes it`(marked: String, path: String, hint: String) {
        let (text, places) = Sample.unmarked(marked)
        let found = Sample.faults(text)
        #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)")
        #expect(found.first?.path == path && found.first?.hint.contains(hint) == true, "\(found)")
    }

    @Test func `all faults at once, in the order of the file`() {
        let (text, places) = Sample.unmarked(
            """
            { "version": ‸2, "storage": { "root": ‸"backups" } ‸"timeZone": ‸"Mars/Base",
              "servers": { "main": { "connection": ‸"host=db password=geheim", "concurrency": ‸0 } },
              "databases": {
                ‸"../up": { "calendar": ‸"sometimes", "retention": { "keepLast": 1, "keepLast"‸: 2 } },
                "app": { "cron": "@daily", ‸"expects": "read", "enabled": ‸yes, "jitter": "5m"‸, },
                "app"‸: ‸[]
              } }
            """.replacing("\"keepLast\"‸", with: "‸\"keepLast\"").replacing("\"app\"‸", with: "‸\"app\""))
        let found = Sample.faults(text)
        #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)")
        #expect(found.allSatisfy { !$0.hint.isEmpty && $0.path.hasPrefix("$") && !$0.description.contains("geheim") })
        do {
            _ = try Sample.decode(text)
            Issue.record("it was taken")
        } catch let failure as Failure {
            #expect(failure.kind == .configInvalid && failure.kind.rawValue == 78)
            #expect(failure.message.hasPrefix("the schedule has 14 faults\n"), "\(failure.message)")
        } catch {
            Issue.record("\(error)")
        }
    }
}
