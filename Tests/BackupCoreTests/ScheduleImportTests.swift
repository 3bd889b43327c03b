import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What becomes of old scripts and crontabs.
@Suite struct ScheduleImportTests {
    static let script = """
        #!/bin/bash
        # Backs up all databases; called every hour.
        set -euo pipefail
        BACKUP_DIR="/backups/supabase-ai"
        CONTAINER="supabase-ai-db"

        backup_database() {
            local db=$1
            local keep=$2
            local file="${BACKUP_DIR}/${db}/backup_${db}_$(date +%Y%m%d_%H%M%S).dump"
            mkdir -p "${BACKUP_DIR}/${db}"
            if docker exec "$CONTAINER" pg_dump -U postgres -Fc "$db" > "$file"; then
                echo "ok: $db"
            else
                echo "failed: $db" >&2
                return 1
            fi
            ls -t "${BACKUP_DIR}/${db}"/*.dump | tail -n +$((keep + 1)) | xargs -r rm
        }

        HOUR=$(date +%H)
        DAY=$(date +%u)
        if [ "$HOUR" = "0" ] || [ "$HOUR" = "6" ] || [ "$HOUR" = "12" ] || [ "$HOUR" = "18" ]; then
            backup_database "postgres" 30
        fi
        if [ "$HOUR" = "02" ]; then
            backup_database "archon_db" 14
        fi
        [ "$HOUR" = "03" ] && backup_database "n8n_db" 14
        if [ "$DAY" = "7" ] && [ "$HOUR" = "04" ]; then backup_database "langfuse_db" 4; fi
        case "$HOUR" in
            8|12|16|20) backup_database "odoo_db" 60 ;;
        esac
        """

    static func read(_ text: String, zone: String? = nil) throws -> ScheduleImport {
        try ScheduleImport.read(text, file: "old.sh", zoneName: zone, zones: ZoneFiles.lookup)
    }

    static func decode(_ found: ScheduleImport) throws -> Schedule {
        try ScheduleDecoder.decode(Array(found.schedule.utf8), file: "schedule.json", zones: ZoneFiles.lookup)
    }

    /// `DATABASE TIMES RETENTION`, as they stand in the schedule.
    static func jobs(_ found: ScheduleImport) throws -> [String] {
        try ScheduleImportTests.decode(found).jobs.map { job in
            let kept = job.retention.keepLast.map { "last \($0)" }
            let days = job.retention.keepWithinSeconds.map { "days \(Int($0 / 86_400))" }
            return ([job.database, job.trigger.source] + [kept, days].compactMap { $0 }).joined(separator: " | ")
        }.sorted()
    }

    static func told(_ found: ScheduleImport) -> [String] { found.notes.map { "\($0.line): \($0.text)" } }

    @Test func `the old script becomes the shipped schedule, and its wrong hours are told`() throws {
        let found = try Self.read(Self.script)
        let schedule = try Self.decode(found)
        let shipped = try ScheduleDecoder.decode(
            try ScheduleSample.shipped(), file: "schedule.json", zones: ZoneFiles.lookup)
        #expect(schedule.jobs.map(\.name) == shipped.jobs.map(\.name), "\(found.schedule)")
        #expect(schedule.jobs.map(\.retention.keepLast) == [30, 14, 14, 4, 60])
        #expect(
            schedule.jobs.map(\.trigger.source) == [
                "*-*-* 00/6:00:00", "*-*-* 02:00:00", "*-*-* 03:00:00", "Sun *-*-* 04:00:00", "*-*-* 08,12,16,20:00:00",
            ])
        #expect(schedule.storage.root == "/backups/supabase-ai")
        #expect(schedule.servers.map(\.container?.name) == ["supabase-ai-db"])
        let notes = found.notes.map { "\($0.line): \($0.text)" }
        #expect(notes.contains { $0.hasPrefix("24: postgres was backed up at 12 and 18; meant") }, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("23: \"0\" is never what `date +%H` prints") }, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("23: \"6\" is never") }, "\(notes)")
        #expect(notes.contains { $0.contains("odoo_db was backed up at 12, 16 and 20; meant") }, "\(notes)")
        #expect(
            !notes.contains { $0.contains("archon_db was backed up") || $0.contains("\"12\" is never") }, "\(notes)")
    }

    @Test(arguments: [
        // What the shell does with a test, and the hours in which the database is dumped then.
        ("[ $HOUR -eq 8 ]", [8]), ("[[ $HOUR -eq 8 ]]", []), ("(( HOUR == 8 ))", []), ("(( 10#$HOUR == 8 ))", [8]),
        ("[[ $HOUR == \"02\" ]]", [2]), ("[[ $HOUR == 0[12] ]]", [1, 2]), ("[ ! $HOUR != 10 ]", [10]),
        ("test \"$HOUR\" -lt 3", [0, 1, 2]), ("[[ $HOUR -lt 3 ]]", [0, 1, 2]),
        ("[ $HOUR = 10 -o $HOUR = 11 ]", [10, 11]), ("[[ ( $HOUR == 10 || $HOUR == 11 ) && $DAY == 1 ]]", [10, 11]),
        ("[ ${HOUR#0} = 6 ]", [6]), ("[ $((10#$HOUR % 12)) -eq 0 ]", [0, 12]),
        ("[ $(date +%k) = 6 ]", [6]), ("[ \"$(date +%k)\" = 6 ]", []), ("[ `date +%-H` = 6 ]", [6]),
    ])
    func `hours are those that the shell would find`(test: String, hours: [Int]) throws {
        let found = try Self.read(
            "HOUR=$(date +%H)\nDAY=$(date +%u)\nif \(test); then backup_database app 3; fi\nbackup_database other 1\n")
        let monday = (found.literalTimes["app"] ?? []).filter { $0 / 100 == 1 }.map { $0 % 100 }.sorted()
        #expect(monday == hours, "\(found.notes)")
    }

    @Test(arguments: [
        ("0 2 * * * pg_dump -Fc -d app -f /b/app.dump", "app", "0 2 * * *"),
        ("@daily postgres pg_dump --dbname=app | gzip > /b/app-$(date +\\%F).gz", "app", "@daily"),
        ("*/30 1-5 * * 1 root docker exec -i -e PGUSER=x db pg_dump -Uadmin app > /b/x", "app", "*/30 1-5 * * 1"),
        ("PGDATABASE=app\n5 4 * * sun pg_dump -Fc > /b/x", "app", "5 4 * * sun"),
        ("5 4 1 * * sudo -u postgres nice -n 19 /usr/bin/pg_dump -Fc -j 2 app", "app", "5 4 1 * *"),
        ("5 4 1 * * su - postgres -c 'pg_dump -Fc app > /b/x'", "app", "5 4 1 * *"),
        ("5 4 1 * * pg_dump 'host=db user=u dbname=app'", "app", "5 4 1 * *"),
        ("5 4 1 * * for d in app; do pg_dump $d; done", "app", "5 4 1 * *"),
    ])
    func `crontab lines become jobs`(text: String, database: String, cron: String) throws {
        let found = try Self.read("# comment\nMAILTO=root\n\(text)\n")
        let job = try #require(try Self.decode(found).jobs.first)
        #expect(job.database == database && job.trigger.source == cron, "\(found.schedule)")
    }

    @Test func `what a crontab says besides is taken or told`() throws {
        let found = try Self.read(
            """
            CRON_TZ=Europe/Sofia
            0 2 * * * pg_dump "postgresql://u:secret@db:6432/app" > /b/x; find /b -mtime +7 -delete
            0 3 * * * pg_dump app > /b/y
            @reboot pg_dump late
            0 4 * * * /usr/local/bin/backup-all-databases.sh
            0 5 * * * certbot renew
            nonsense
            """)
        let schedule = try Self.decode(found)
        #expect(schedule.jobs.map(\.name) == ["app", "app-2"] && schedule.jobs.allSatisfy { $0.database == "app" })
        #expect(schedule.jobs.map(\.zone.name) == ["Europe/Sofia", "Europe/Sofia"])
        #expect(schedule.jobs[0].retention.keepWithinSeconds == Double(8 * 86_400))
        #expect(
            schedule.servers.map(\.connection) == [
                "host=db port=6432 user=u", "host=/var/run/postgresql user=postgres",
            ])
        let notes = found.notes.map { "\($0.line): \($0.text)" }
        #expect(notes.contains { $0.hasPrefix("2: a password stands here") }, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("4: ") && $0.contains("@reboot") }, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("5: calls /usr/local/bin/backup-all-databases.sh") }, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("6: backs up no database") }, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("7: is no line of a crontab") }, "\(notes)")
        #expect(!found.schedule.contains("secret") && !notes.contains { $0.contains("secret") })
    }

    @Test(arguments: ["", "echo hello", "0 2 * * * certbot renew", "pg_dump \"$UNKNOWN\"", "if [", "case $X in"])
    func `a file without backups is told as such`(text: String) throws {
        #expect(throws: Failure.self) { try Self.read(text) }
    }

    @Test func `bash dumps at the hours that are told of a script as it stands`() async throws {
        var random = SplitMix64(seed: 7)
        let hours = ["0", "2", "02", "6", "08", "8", "9", "12", "18", "23"]
        func test() -> String {
            let hour = hours.randomElement(using: &random) ?? "0"
            let digits = Int(hour) ?? 0
            let forms: [String] = [
                "[ \"$HOUR\" = \"\(hour)\" ]", "[ $HOUR != \(hour) ]", "[[ $HOUR == \"\(hour)\" ]]",
                "[[ $HOUR == 0? ]]",
                "[ \"$HOUR\" -eq \(hour) ]", "[[ $HOUR -eq \(digits) ]]", "[ $HOUR -ge \(digits) ]",
                "(( 10#$HOUR < \(digits) ))",
                "(( HOUR == \(digits) ))", "test ${HOUR#0} -gt \(digits)", "[ $DAY = \(digits % 8) ]",
                "[ \"$NAME\" = Sunday ]",
            ]
            return forms.randomElement(using: &random) ?? "true"
        }
        for _ in 0..<25 {
            let script = """
                HOUR=$(date +%H)
                DAY=`date +%u`
                NAME=$(date '+%A')
                if \(test()) && \(test()); then backup_database a 3; elif \(test()); then backup_database b 3; fi
                \(test()) || { backup_database c 3; }
                case "$HOUR" in
                    \(hours.randomElement(using: &random) ?? "0")|1*) backup_database d ;;
                    0[1-7]) backup_database e 4 ;;
                    *) ! \(test()) && backup_database f ;;
                esac
                for name in g h; do \(test()) && backup_database $name 2; done
                backup_database always 1
                """
            // All hours in one shell: 7 x 24 of them would take a minute.
            let driver = """
                backup_database() { echo "$1 $((U * 100 + 10#$H))"; }
                date() { case "$1" in +%H) echo $H ;; +%u) echo $U ;; +%A) echo ${NAMES[$U]} ;; esac; }
                NAMES=(x Monday Tuesday Wednesday Thursday Friday Saturday Sunday)
                for U in 1 2 3 4 5 6 7; do for H in {00..23}; do
                \(script)
                done; done 2> /dev/null
                """
            let said = try await run("bash", ["-c", driver])
            var expected: [String: Set<Int>] = [:]
            for line in said.lines {
                let words = line.split(separator: " ")
                expected[String(words[0]), default: []].insert(try #require(Int(words[1])))
            }
            let found = try Self.read(script)
            #expect(found.literalTimes == expected, "\(script)")
            _ = try Self.decode(found)
        }
    }

    /// There is no dump in it: it ends and says so.
    private static func refuses(_ text: String) {
        do {
            let found = try read(text)
            Issue.record("\(found.schedule) of \(text.prefix(40))")
        } catch {
            #expect((error as? Failure)?.kind == .failed, "\(error) of \(text.prefix(40))")
        }
    }

    @Test func `no input crashes it, and what it writes is a schedule`() throws {
        var random = SplitMix64(seed: 6)
        var pieces = Self.script.split(separator: "\n").map(String.init)
        pieces +=
            [
                "case $(date +%d) in", "esac", "((", "))", "$((", "${", "`", "'", "\"", "<<EOF", "EOF", "(", ")", "{",
                "}", "[[",
                "]]", "0 2 * * * pg_dump app", "while true; do", "done", "for d in a b; do", "\\", "\u{0}", "é", "|",
                ";;", "f() {",
                "f", "f f", "!", "&&", "for x in 1 2 3; do for y in 1 2 3; do",
            ]
        var writtenCount = 0
        for _ in 0..<40 {
            let lines = (0..<Int.random(in: 1...25, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            var text = lines.joined(separator: Bool.random(using: &random) ? "\n" : " ")
            if Bool.random(using: &random) {
                text = String(text.prefix(Int.random(in: 0...text.count, using: &random)))
            }
            do {
                let schedule = try Self.decode(try Self.read(text))
                writtenCount += 1
                for job in schedule.jobs { #expect(text.contains(job.database), "\(job.database)\n\(text)") }
            } catch let failure as Failure {
                // Nothing that it writes is refused by what reads it.
                #expect(
                    failure.kind == .failed && failure.message.hasPrefix("no backup of a database is found in"),
                    "\(failure)\n\(text)")
                #expect(
                    !text.contains("pg_dump app") || failure.cause?.isEmpty == false || text.contains("<<"), "\(text)")
            }
        }
        #expect(writtenCount > 10)
        // Deep and long ones end as well.
        for unit in [
            "(", "$(", "if ", "{ ", "f() { f; }; f; ", "a=$((1+", "[[ ( ", "case x in a) ", "\"$(", "for i in 1 2; do ",
        ] {
            Self.refuses(String(repeating: unit, count: 1000))
        }
        // As long as a file may be.
        for unit in ["a&&", "a||", "elif a;then b;"] {
            let text = "if a;then b;" + String(repeating: unit, count: 250_000 / unit.count)
            Self.refuses(text)
        }
        let chain = String(repeating: "true && ", count: 600) + "pg_dump app > /b/app.dump"
        #expect(try Self.decode(Self.read("#!/bin/sh\n" + chain)).jobs.map(\.database) == ["app"])
    }
}
