import BackupCore
import Foundation
import TestSupport
import Testing

/// The built binary as a person meets it, with the mistakes a person makes.
@Suite struct VerbTests {
    static let often = #""calendar": "*-*-* 02:00:00""#

    @Test func `back up, list, verify, drop, restore`() async throws {
        try await withHost { host in
            try await host.server.create(
                "verbs",
                "create table t (id int primary key, v text); insert into t select g, md5(g::text) from generate_series(1, 500) g"
            )
            try host.write("\"verbs\": {\(Self.often)}")
            let before = try await host.server.fingerprint("verbs")
            let backup = try await host.call("backup", "verbs")
            #expect(backup.status == 0, "\(backup.error)")
            let dump = try #require(backup.lines.first)
            #expect(try host.files() == ["verbs/\(dump).dump", "verbs/\(dump).globals.sql", "verbs/\(dump).json"])
            #expect(try await host.call("list").output.contains(dump))
            let verify = try await host.call("verify", "--all", "--every")
            #expect(verify.status == 0 && verify.output.contains("\(dump): whole"))
            let show = try await host.call("show", "verbs")
            #expect(show.status == 0 && show.output.contains("public.t"), "\(show.error)")

            // The database is there: a restore goes beside it.
            let beside = try await host.call("restore", "verbs", "--json")
            #expect(beside.status == 0, "\(beside.error)")
            let restored = try #require(
                try (JSONSerialization.jsonObject(with: Data(beside.output.utf8)) as? [String: Any])?["database"]
                    as? String)
            #expect(restored.hasPrefix("verbs_restored_"))
            #expect(try await host.server.fingerprint(restored).contains("500"))
            try await host.server.drop(restored)

            // It is gone: a restore brings it back under its name.
            try await host.server.drop("verbs")
            let plan = try await host.call("restore", "verbs", "--dry-run")
            #expect(plan.status == 0 && plan.output.contains(dump))
            #expect(
                try await host.server.psql("postgres", "select count(*) from pg_database where datname = 'verbs'")
                    == "0")
            let back = try await host.call("restore", "verbs")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await host.server.fingerprint("verbs") == before)

            // In its place: asked for, and not without a word.
            let unasked = try await host.call("restore", "verbs", "--replace")
            #expect(unasked.status == 64 && unasked.error.contains("--yes"))
            let replaced = try await host.call("restore", "verbs", "--replace", "--yes")
            #expect(replaced.status == 0, "\(replaced.error)")
            #expect(replaced.output.contains("to undo: psql"))
            #expect(try await host.server.fingerprint("verbs") == before)
            // The command to undo is one that works.
            let undo = try #require(replaced.lines.first { $0.hasPrefix("to undo: ") }).dropFirst(9)
            let undone = try await run(
                "/bin/sh",
                ["-c", "export PGHOST=\(host.server.folder)/pg PGUSER=postgres PATH=\(host.server.bin):$PATH; \(undo)"])
            #expect(undone.status == 0, "\(undone.error)")
            #expect(
                try await host.server.psql(
                    "postgres", "select count(*) from pg_database where datname like 'verbs%before%'") == "0")
            for name in try await host.server.psql(
                "postgres", "select datname from pg_database where datname like 'verbs%'"
            ).split(separator: "\n") {
                try await host.server.drop(String(name))
            }
        }
    }

    @Test func `all jobs, one of which fails: the others are done, and the exit code is the fault's`() async throws {
        try await withHost { host in
            try await host.server.create("all one")
            try await host.server.create("all two")
            try host.write(
                "\"one\": {\"database\": \"all one\", \(Self.often)}, \"gone\": {\(Self.often)}, \"two\": {\"database\": \"all two\", \(Self.often)}, \"off\": {\(Self.often), \"enabled\": false}"
            )
            let said = try await host.call("backup", "--all")
            #expect(said.status == 69 && said.lines.count == 4, "\(said.error)")
            #expect(said.lines.count { $0.contains(" succeeded ") } == 2, "\(said.output)")
            #expect(
                said.lines.contains { $0.contains("gone  failed") && $0.hasSuffix("does not exist") }, "\(said.output)")
            #expect(said.error.contains("the database gone does not exist") && !said.error.contains("off"))
            #expect(said.error.contains("A new one is made with createdb"), "\(said.error)")
            #expect(try await host.call("verify", "--all").status == 0)
            try await host.server.drop("all one")
            try await host.server.drop("all two")
        }
    }

    @Test func `a bare file without catalog, manifest or schedule`() async throws {
        try await withHost { host in
            try await host.server.create("bare", "create table t (id int); insert into t values (1), (2)")
            let file = "\(host.folder)/some.dump"
            let dumped = try await run(
                "\(host.server.bin)/pg_dump",
                ["-Fc", "-f", file, "-d", "host=\(host.server.folder)/pg user=postgres dbname=bare"])
            #expect(dumped.status == 0)
            let said = try await host.call(
                "restore", file, "--into", "bare_back", "--connection", host.server.connection)
            #expect(said.status == 0, "\(said.error)")
            #expect(try await host.server.psql("bare_back", "select count(*) from t") == "2")
            let unnamed = try await host.call("restore", file)
            #expect(unnamed.status == 64)
            let missing = try await host.call(
                "restore", "\(host.folder)/none.dump", "--into", "x", "--connection", host.server.connection)
            #expect(missing.status == 64 && missing.error.contains("none.dump"))
            try await host.server.drop("bare")
            try await host.server.drop("bare_back")
        }
    }

    @Test func `adopt takes an archive of another tool`() async throws {
        try await withHost { host in
            try await host.server.create("adopted", "create table t (id int); insert into t values (1), (2)")
            try host.write("\"adopted\": {\(Self.often)}")
            let file = "\(host.folder)/old.dump"
            _ = try await run(
                "\(host.server.bin)/pg_dump",
                ["-Fc", "-f", file, "-d", "host=\(host.server.folder)/pg user=postgres dbname=adopted"])
            let said = try await host.call("adopt", "adopted", file)
            #expect(said.status == 0, "\(said.error)")
            #expect(try await host.call("verify", "adopted").status == 0)
            let text = try await host.call("adopt", "adopted", host.config)
            #expect(text.status == 65, "\(text.error)")
            // What is a dump already is not taken out from under its manifest.
            let dumps = try await host.call("backup", "adopted").lines
            let own = "\(host.storage)/adopted/\(try #require(dumps.first))"
            let again = try await host.call("adopt", "adopted", "\(own).dump")
            #expect(again.status == 64 && again.error.contains("is a dump already"), "\(again.error)")
            #expect(try await host.call("verify", "adopted", "--every").status == 0)
            // Beside a manifest that cannot be read, the archive becomes a dump of its own and nothing is taken away.
            try Data("{".utf8).write(to: URL(fileURLWithPath: "\(own).json"))
            let mended = try await host.call("adopt", "adopted", "\(own).dump")
            #expect(mended.status == 0, "\(mended.error)")
            #expect(FileManager.default.fileExists(atPath: "\(own).dump"))
            #expect(try await host.call("verify", "adopted", try #require(mended.lines.first)).status == 0)
            try await host.server.drop("adopted")
            #expect(try await host.call("restore", "adopted").status == 0)
            #expect(try await host.server.psql("adopted", "select count(*) from t") == "2")
            try await host.server.drop("adopted")
        }
    }

    @Test func `mistakes have their exit codes and say what to do`() async throws {
        try await withHost { host in
            try await host.server.create("mistakes")
            try host.write("\"mistakes\": {\(Self.often)}, \"gone\": {\(Self.often)}")
            for (arguments, status, needle) in [
                (["backup"], 64, "--all"),
                (["backup", "mistake"], 64, "Its jobs are: mistakes, gone"),
                (["backup", "gone"], 69, "gone"),
                (["restore", "mistakes"], 1, "no good dump"),
                (["verify", "mistakes"], 1, "no good dump"),
                (["list", "nothing"], 64, "nothing"),
                (["next", "--calendar", "*-13-01"], 64, "13"),
                (["next", "--calendar", "daily", "--time-zone", "Mars/Base"], 64, "Mars/Base"),
                (["next", "--cron", "* * * *"], 64, "five"),
                (["next", "--after", "yesterday"], 64, "2026-03-28T00:00:00Z"),
                (["frobnicate"], 64, "frobnicate"),
                (["check", "--config", "/nonexistent/schedule.json"], 78, "/nonexistent/schedule.json"),
                (["check", "--connect"], 69, "gone"),
                (["prune", "--accept"], 64, "--accept"),
                (["restore", "mistakes", "--into", "x", "--replace"], 64, "exclude"),
            ] as [([String], Int32, String)] {
                let said = try await run(
                    TestHost.binary, arguments, environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == status, "\(arguments): \(said.error)")
                #expect(said.error.contains(needle), "\(arguments): \(said.error)")
            }
            for verb in [
                "", "daemon", "check", "next", "backup", "list", "show", "status", "history", "verify", "drill",
                "restore", "prune", "adopt", "rebuild-catalog",
            ] {
                let said = try await run(TestHost.binary, verb.isEmpty ? ["--help"] : [verb, "--help"])
                #expect(said.status == 0 && said.output.contains("USAGE"), "\(verb)")
            }
            try await host.server.drop("mistakes")
        }
    }

    @Test func `a failed backup is told by status, history and exit code, and the next good one clears it`()
        async throws
    {
        try await withHost { host in
            try host.write("\"late\": {\(Self.often)}")
            let failed = try await host.call("backup", "late")
            #expect(failed.status == 69)
            #expect(try host.files().filter { $0.hasSuffix(".dump") || $0.hasSuffix(".json") } == [])
            let bad = try await host.call("status", "--check")
            #expect(bad.status == 1 && bad.error.contains("late is failing"), "\(bad.error)")
            #expect(try await host.call("history").output.contains("failed"))
            try await host.server.create("late")
            #expect(try await host.call("backup", "late").status == 0)
            let good = try await host.call("status", "--check")
            #expect(good.status == 0, "\(good.error)")
            try await host.server.drop("late")
        }
    }

    @Test func `a job that is worked on is busy, unless one waits`() async throws {
        try await withHost { host in
            try await host.server.create("held", "create table t (id int)")
            let began = "\(host.folder)/began"
            try host.write(
                "\"held\": {\(Self.often), \"hooks\": {\"before\": [\"/bin/sh\", \"-c\", \"touch \(began); sleep 2\"]}}"
            )
            let first = try await host.start("backup", "held")
            try await until("the first holds the job") { FileManager.default.fileExists(atPath: began) }
            let second = try await host.call("backup", "held")
            #expect(second.status == 75, "\(second.error)")
            let patient = try await host.call("backup", "held", "--wait")
            #expect(patient.status == 0, "\(patient.error)")
            #expect(try await first.end() == 0)
            #expect(try host.files().count { $0.hasSuffix(".json") } == 2)
            try await host.server.drop("held")
        }
    }

    @Test func `a truncated and a bit-flipped archive are found`() async throws {
        try await withHost { host in
            try await host.server.create(
                "rot", "create table t as select g id, md5(g::text) v from generate_series(1, 5000) g")
            try host.write("\"rot\": {\(Self.often)}")
            for _ in 1...3 {
                #expect(try await host.call("backup", "rot").status == 0)
                try await Task.sleep(for: .milliseconds(1100))
            }
            let dumps = try host.files().filter { $0.hasSuffix(".dump") }
            func change(_ index: Int, _ body: (inout Data) -> Void) throws {
                let url = URL(fileURLWithPath: "\(host.storage)/\(dumps[index])")
                var data = try Data(contentsOf: url)
                body(&data)
                try data.write(to: url)
            }
            try change(0) { $0.removeLast(1000) }
            try change(1) { $0[$0.count / 2] ^= 1 }
            let said = try await host.call("verify", "rot", "--every")
            #expect(said.status == 65)
            #expect(said.output.contains("whole") && said.lines.count == 1, "\(said.output)")
            for index in 0...1 {
                let name = (dumps[index] as NSString).lastPathComponent.dropLast(5)
                #expect(said.error.contains(name), "\(said.error)")
                let restore = try await host.call("restore", "rot", "--dump", String(name))
                #expect(restore.status == 65, "\(restore.error)")
            }
            #expect(
                try await host.server.psql(
                    "postgres", "select string_agg(datname, ',') from pg_database where datname like '%rot%'") == "rot")
            try await host.server.drop("rot")
        }
    }

    private static let staticBinary = ProcessInfo.processInfo.environment["ARCHON_BACKUPD_STATIC"]

    @Test(.enabled(if: staticBinary != nil, "`make test` builds the static binary and says where it is"))
    func `the static release binary reads the system's zones, backs up and restores`() async throws {
        let binary = try #require(Self.staticBinary)
        let linked = try await run("ldd", [binary])
        #expect(!linked.output.contains("swift") && !linked.output.contains("Foundation"), "\(linked.output)")
        let expression = ["--calendar", "*-*-* 03:30:00", "--time-zone", "Europe/Sofia"]
        let said = try await run(
            binary, ["next"] + expression + ["--after", "2026-03-28T00:00:00Z", "--count", "3"],
            environment: ["TZ": "Asia/Tokyo"])
        #expect(
            said.lines == ["2026-03-28T03:30:00+02:00", "2026-03-29T04:00:00+03:00", "2026-03-30T03:30:00+03:00"],
            "\(said.error)")
        try await withHost { host in
            try await host.server.create("static", "create table t as select generate_series(1, 1000) g")
            try host.write("\"static\": {\(Self.often), \"timeZone\": \"Europe/Sofia\"}")
            for arguments in [
                ["backup", "static"], ["verify", "static"], ["restore", "static", "--replace", "--yes"],
                ["status", "--check"],
            ] {
                let said = try await run(binary, arguments, environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == 0, "\(arguments): \(said.error)")
            }
            for name in try await host.server.psql(
                "postgres", "select datname from pg_database where datname like 'static%'"
            ).split(separator: "\n") {
                try await host.server.drop(String(name))
            }
        }
    }
}
