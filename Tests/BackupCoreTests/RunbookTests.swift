import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The runbook as a text: its order, and that no name can be anything but a name.
@Suite struct RunbookTests {
    private static let now = Date(timeIntervalSince1970: 1_795_658_400)

    private func job(_ name: String, database: String? = nil, _ criticality: Job.Criticality = .normal) throws -> Job {
        var job = try #require(try ScheduleSample.decode(ScheduleSample.file()).jobs.first)
        job.name = name
        job.database = database ?? name
        job.criticality = criticality
        return job
    }

    /// `ages` has in seconds how much older than the others the data of a job's newest dump are.
    private func runbook(
        _ jobs: [Job], contacts: [Contact] = [], settings: [Manifest.DatabaseProperties.Setting] = [],
        ages: [String: Double] = [:], lost: Set<String> = [], refused: Set<String> = []
    ) -> Runbook {
        var schedule = Schedule(
            storage: .init(root: "/backups", minimumFree: 0), concurrency: 1,
            servers: [Server(name: "main", connection: "user=postgres")], jobs: jobs)
        schedule.contacts = contacts
        let databases = jobs.map { job in
            var manifest = ManifestTests.plain
            manifest.database = job.database
            manifest.properties.settings = settings
            manifest.snapshot = Self.now - (ages[job.name] ?? 0)
            return Runbook.Database(
                job: job, state: nil, newest: lost.contains(job.name) ? nil : manifest, proven: nil,
                refused: refused.contains(job.name) ? .init(dump: "backup_newer", reason: "rotten") : nil,
                folder: "/backups/\(job.name)")
        }
        return Runbook(
            schedule, databases, host: "host<1>", config: "/etc/archon-backupd/schedule.json", isUsualConfig: true,
            now: Self.now)
    }

    @Test func `the most critical come first, then the names`() throws {
        let jobs = [
            try job("d", .low), try job("b"), try job("a"), try job("z", .critical), try job("c", .high),
            try job("postgres", .critical),
        ]
        let runbook = runbook(jobs)
        #expect(runbook.databases.map(\.job.name) == ["postgres", "z", "c", "a", "b", "d"])
        let text = RunbookMarkdown.text(runbook.blocks)
        // The maintenance database is always there: the whole server's verb fills it, last.
        #expect(
            text.contains(
                """
                archon-backupd restore-server main --from latest --missing --dry-run
                archon-backupd restore z
                archon-backupd restore c
                archon-backupd restore a
                archon-backupd restore b
                archon-backupd restore d
                archon-backupd restore-server main --from latest --missing
                """))
    }

    @Test func `a database of two jobs comes back once, from the one that leaves nothing out`() throws {
        var part = try job("a part", database: "app", .critical)
        part.schemas = ["public"]
        let text = RunbookMarkdown.text(runbook([part, try job("whole", database: "app"), try job("x")]).blocks)
        #expect(
            text.contains(
                "--dry-run\narchon-backupd restore whole\narchon-backupd restore x\narchon-backupd restore-server"))
    }

    @Test func `of two jobs that leave nothing out the newer dump comes back, whatever their order`() throws {
        let jobs = [try job("old", database: "app", .critical), try job("new", database: "app")]
        for jobs in [jobs, jobs.reversed()] {
            let text = RunbookMarkdown.text(runbook(jobs, ages: ["old": 3600]).blocks)
            #expect(text.contains("--dry-run\narchon-backupd restore new\narchon-backupd restore-server"), "\(text)")
        }
    }

    @Test func `a database without a good dump is left out, and stops no other`() throws {
        // A second job has a dump of one of them: that one is not lost.
        let jobs = [
            try job("x"), try job("gone", database: "Gone.\"1\""), try job("a", database: "app"),
            try job("b", database: "app"),
        ]
        let text = RunbookMarkdown.text(runbook(jobs, lost: ["gone", "a"]).blocks)
        let options = #"--from latest --missing --exclude '"Gone.""1"""'"#
        #expect(
            text.contains(
                """
                they cannot come back:

                - `Gone."1"`

                ```bash
                (
                set -e
                archon-backupd restore-server main \(options) --dry-run
                archon-backupd restore b
                archon-backupd restore x
                archon-backupd restore-server main \(options)
                )
                """), "\(text)")
        let none = RunbookMarkdown.text(runbook([try job("x")], lost: ["x"]).blocks)
        #expect(none.contains("- `x`") && !none.contains("archon-backupd restore-server main"), "\(none)")
    }

    @Test func `where the newest dump is not good, the one before it comes back and is told of`() throws {
        let jobs = [try job("x"), try job("y"), try job("postgres")]
        let text = RunbookMarkdown.text(runbook(jobs, refused: ["x", "postgres"]).blocks)
        let options = "--from latest --missing --exclude postgres --exclude x"
        #expect(
            text.contains(
                """
                archon-backupd restore-server main \(options) --dry-run
                archon-backupd restore postgres --replace --yes
                archon-backupd restore x
                archon-backupd restore y
                archon-backupd restore-server main \(options)
                """), "\(text)")
        #expect(text.contains("There is a newer one, `backup_newer`, which is not good and is passed over: rotten."))
        let all = RunbookMarkdown.text(runbook([try job("x")], refused: ["x"]).blocks)
        #expect(all.contains("(\nset -e\narchon-backupd restore x\n)"), "\(all)")
    }

    @Test(arguments: ["plain_1", "Upper", "a.b", "a\"b", "*", "a?", "$x", "new\nline", "", "[x]\\"])
    func `the pattern of one database names no other`(name: String) throws {
        let matches = try DatabasePatterns([DatabasePatterns.literal(name)]).matcher()
        #expect(matches(name) && !matches(name + "x") && !matches("x" + name))
    }

    @Test func `a job without the rows of a table brings nothing back where another has them, and says what it lacks`()
        throws
    {
        var part = try job("part", database: "app", .critical)
        part.excludeTableData = ["audit_*", "public.log"]
        part.excludeTables = ["scratch"]
        let both = RunbookMarkdown.text(
            runbook([part, try job("whole", database: "app")], ages: ["whole": 9000]).blocks)
        #expect(both.contains("--dry-run\narchon-backupd restore whole\narchon-backupd restore-server"), "\(both)")
        let alone = RunbookMarkdown.text(runbook([part]).blocks)
        let lacks = "`the tables scratch; the rows of audit_*, public.log`"
        #expect(alone.contains("--dry-run\narchon-backupd restore part\n"), "\(alone)")
        #expect(alone.contains("| `app`, without \(lacks) |"), "\(alone)")
        #expect(alone.contains("Its dumps leave out, on purpose: \(lacks)."), "\(alone)")
        #expect(!RunbookMarkdown.text(runbook([try job("whole")]).blocks).contains("leave out, on purpose"))
    }

    @Test func `hostile names stay names in Markdown and in HTML`() throws {
        let name = "a`b|c|\u{301}<script>alert(1)</script>\n# *x* ```"
        let runbook = runbook(
            [try job("hostile", database: name)],
            contacts: [Contact(name: "<b>|[x](y)\n# z", note: "`_*&")])
        let markdown = RunbookMarkdown.text(runbook.blocks)
        #expect(
            markdown.contains("```` a`b\\|c\\|\u{301}<script>alert(1)</script>\u{fffd}# *x* ``` ````"), "\(markdown)")
        #expect(markdown.contains("| \\<b\\>\\|\\[x\\](y)\u{fffd}\\# z |"), "\(markdown)")
        // Each line of a table has as many bars as its head.
        for row in markdown.split(separator: "\n") where row.hasPrefix("| ") && row.contains("alert") {
            let scalars = Array(row.unicodeScalars)
            #expect(scalars.indices.count { scalars[$0] == "|" && ($0 == 0 || scalars[$0 - 1] != "\\") } == 9, "\(row)")
        }
        #expect(
            markdown.contains("export PGDATABASE=$'a`b|c|\u{301}<script>alert(1)</script>\\012# *x* ```'"),
            "\(markdown)")
        let html = RunbookHTML.text(runbook.blocks, title: runbook.title)
        #expect(
            !html.contains("<script") && !html.contains("<b>")
                && html.contains("<title>Disaster recovery of host&lt;1&gt;"))
        #expect(html.contains("a`b|c|\u{301}&lt;script&gt;alert(1)&lt;/script&gt;"))
    }

    @Test func `what may be a secret is named and not printed`() throws {
        let runbook = runbook(
            [try job("app")],
            settings: [
                .init(role: nil, name: "app.settings.jwt_secret", value: "hush-hush"),
                .init(role: "r", name: "app.dsn", value: "postgresql://me:hush-hush@h"),
                .init(role: nil, name: "work_mem", value: "7MB"),
            ])
        let text = RunbookMarkdown.text(runbook.blocks)
        #expect(!text.contains("hush-hush"))
        #expect(
            text.contains("`app.settings.jwt_secret, app.dsn of r`") && text.contains("TO '\\''7MB'\\'''"), "\(text)")
    }

    /// docs/runbook-example.md, which ARCHON_BACKUPD_WRITE_EXAMPLES=1 writes anew.
    @Test func `the example in docs is what is written for the shipped schedule`() throws {
        var schedule = try ScheduleDecoder.decode(
            try ScheduleSample.shipped(), file: "schedule.json", zones: ZoneFiles.lookup)
        schedule.jobs.removeAll { !["postgres", "archon_db"].contains($0.name) }
        schedule.contacts = [
            Contact(
                name: "Ana", role: "database administrator", phone: "+359 2 000 000", note: "at night by phone only"),
            Contact(name: "The hosting company", phone: "+359 2 000 001"),
        ]
        let databases = try ["postgres", "archon_db"].map { name in
            var job = try #require(schedule.jobs.first { $0.name == name })
            job.criticality = name == "postgres" ? .critical : .high
            return example(job)
        }
        let runbook = Runbook(
            schedule, databases, host: "dbhost", config: "/etc/archon-backupd/schedule.json", isUsualConfig: true,
            now: Self.now)
        let path = "\(ScheduleSample.repository)/docs/runbook-example.md"
        // Another version is no other example.
        let text = RunbookMarkdown.text(runbook.blocks).replacing(
            "archon-backupd \(Version.current)", with: "archon-backupd")
        if ProcessInfo.processInfo.environment["ARCHON_BACKUPD_WRITE_EXAMPLES"] == "1" {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    private func example(_ job: Job) -> Runbook.Database {
        let began = Self.now.addingTimeInterval(-6 * 3600)
        let dump = "\(DumpName(job: job.name, time: began))"
        var manifest = ManifestTests.plain
        manifest.job = job.name
        manifest.server = job.server
        manifest.database = job.database
        manifest.dump = dump
        (manifest.began, manifest.snapshot) = (began, began)
        (manifest.format, manifest.members, manifest.bytes) = (.custom, nil, 43_201_331)
        manifest.sha256 = "6f1ed002ab5595859014ebf0951522d9d1d2b7a4b1f0c6f7f5a3a4e0c7d1b9aa"
        manifest.rows = ["public.archon_sources": 204, "public.archon_crawled_pages": 61_000]
        manifest.properties = .init(
            owner: "postgres", encoding: "UTF8", collation: "en_US.UTF-8", characterType: "en_US.UTF-8",
            settings: [.init(role: nil, name: "app.settings.jwt_secret", value: "secret")],
            grants: ["=c/postgres", "authenticator=c/postgres"])
        manifest.globals = .init(
            file: "\(dump).globals.sql", bytes: 912,
            sha256: "b0f7d20cf39f6ff4ac7ad5bb5d7a1cbd56d03a6b0f8c5cf4a9a3a0e1d7c2e4f6", hasPasswords: true)
        let drill = DrillRecord(
            job: job.name, dump: dump, dumpTime: began, began: began, ended: began, verdict: .proven,
            restoreSeconds: 9, place: "throwaway")
        var state = JobState(firstSeen: began, lastSuccess: began)
        state.lastProven = drill
        state.lastDrill = drill
        return Runbook.Database(
            job: job, state: state, newest: manifest, proven: manifest, folder: "/backups/supabase-ai/\(job.name)")
    }

    /// Where `…` stands in a message, the program puts what it is about.
    @Test func `each failure that is told of is one of the program's`() throws {
        let folder = URL(fileURLWithPath: "\(ScheduleSample.repository)/Sources")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" && !$0.path.contains("/Runbook/") }
        let lines = try files.flatMap { try String(contentsOf: $0, encoding: .utf8).split(separator: "\n") }
        #expect(lines.count > 10_000 && Runbook.messages.count > 10)
        for message in Runbook.messages {
            let parts = message.components(separatedBy: "…")
            let isSaid = lines.contains { line in
                guard line.contains("\"") else { return false }
                var rest = line[...]
                return parts.allSatisfy { part in
                    guard !part.isEmpty else { return true }
                    guard let place = rest.range(of: part) else { return false }
                    rest = rest[place.upperBound...]
                    return true
                }
            }
            #expect(isSaid, "\(message)")
        }
    }

    /// bash itself says what a word is.
    @Test(arguments: [
        "plain", "", "a b", "it's", "$HOME `id` \"x\" \\", "-n", "new\nline", "tab\t'\\\u{1}7", "~", "*", "Größe", "!!",
        "'\u{301}; x",
    ])
    func `a word is one word to bash`(text: String) async throws {
        let said = try await run("/bin/bash", ["-c", "printf '%s.' \(ShellCommand.word(text))"])
        #expect(said.status == 0 && said.output == text + ".", "\(said.output)")
    }
}
