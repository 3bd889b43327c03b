import BackupCore
import TestSupport
import Testing

/// How many dumps are kept, as what the old script removes says.
@Suite struct ScheduleImportRetentionTests {
    /// `DATABASE RETENTION` of each job, such as `app last 7 days 8`; without a retention all are kept.
    private static func kept(_ found: ScheduleImport) throws -> [String] {
        try ScheduleImportTests.decode(found).jobs.map { job in
            let last = job.retention.keepLast.map { "last \($0)" }
            let days = job.retention.keepWithinSeconds.map { "days \(Int($0 / 86_400))" }
            return ([job.database] + [last, days].compactMap { $0 }).joined(separator: " ")
        }.sorted()
    }

    @Test(arguments: [
        // What the function does with its second argument, and what is kept of a call with 7.
        ("find \"$DIR/$1\" -name '*.dump' -mtime +$2 -delete", "app days 8"),
        ("find \"$DIR/$1\" -type f -mtime \"+$2\" -exec rm -f {} \\;", "app days 8"),
        ("find \"$DIR/$1\" -mtime +$(($2 - 1)) -print0 | xargs -0 -r rm -f", "app days 7"),
        ("find \"$DIR/$1\" -mmin +$(($2 * 1440)) -delete", "app days 7"),
        ("ls -1t \"$DIR/$1\"/*.dump | tail -n +$(($2 + 1)) | xargs -r rm -f", "app last 7"),
        ("ls -1t $DIR/$1/*.dump | tail -n+8 | xargs rm", "app last 7"),
        ("ls -tr $DIR/$1/*.dump | head -n -$2 | xargs rm", "app last 7"),
        ("ls -t $DIR/$1/* | sed \"1,$2d\" | xargs rm -f", "app last 7"),
        ("ls -t $DIR/$1/* | awk \"NR > $2\" | xargs rm -f", "app last 7"),
        ("cd \"$DIR/$1\" && ls -t | tail -n +$(($2 + 1)) | xargs -r rm", "app last 7"),
        // Nothing that is seen removes a dump.
        (":", "app"), ("find \"$DIR/$1\" -mtime +$2 -print", "app"),
        ("find \"$DIR/$1\" -mtime +$2 -exec gzip {} \\;", "app"),
        ("find \"$DIR/$1\" -name '*.log' -mtime +$2 -delete", "app"),
        ("find /var/log -mtime +$2 -name '*.log' -exec rm {} +", "app"),
        ("find \"$DIR/$1\" -name '*.tar.gz' -mtime +$2 -delete", "app"),
        ("ls -t \"$DIR\"/*.log | tail -n +$2 | xargs rm", "app"),
        ("ls -t \"$DIR/$1\" | while read -r f; do rm \"$f\"; done", "app"),
        ("rotate-dumps --keep $2 \"$DIR/$1\"", "app"),
    ])
    func `the number behind a database is what the script does with it`(body: String, kept: String) throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            backup_database() {
                pg_dump -Fc "$1" > "$DIR/$1/$1_$(date +%Y%m%d).dump"
                \(body)
            }
            backup_database app 7
            """)
        #expect(try Self.kept(found) == [kept], "\(found.notes)")
        let isTold = found.notes.contains { $0.text.contains("is not seen to remove a dump: all are kept") }
        #expect(isTold == (kept == "app"), "\(found.notes)")
    }

    @Test func `a function that is not in the file keeps the number, and that is told`() throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\nbackup_database app 6 30\nbackup_database other\n")
        #expect(try Self.kept(found) == ["app last 30", "other"])
        #expect(
            found.notes.contains { $0.line == 2 && $0.text.hasPrefix("30, the greatest number behind app") },
            "\(found.notes)")
        #expect(
            found.notes.contains { $0.text.contains("keep") && $0.text.contains("other") && $0.line == 0 },
            "\(found.notes)")
    }

    @Test func `each database has what is removed of it, and not another's`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            keep_days() { find "$DIR/$1" -mtime +$2 -delete; }
            for db in n8n n8n_db odoo_db plain; do
                pg_dump "$db" > "$DIR/$db/$db.dump"
            done
            keep_days n8n 7
            keep_days n8n_db 30
            ls -t $DIR/odoo_db/*.dump | tail -n +61 | xargs rm
            find /tmp -mtime +1 -delete
            find /srv/www -mtime +2 -delete
            """)
        #expect(try Self.kept(found) == ["n8n days 8", "n8n_db days 31", "odoo_db last 60", "plain"], "\(found.notes)")
    }

    @Test func `the folder of all may be called like one of them`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            BACKUP_DIR=/mnt/backup/postgres
            for db in postgres n8n; do pg_dump "$db" > "$BACKUP_DIR/$db/$db.sql"; done
            find "$BACKUP_DIR" -name '*.sql' -mtime +14 -delete
            """)
        #expect(try Self.kept(found) == ["n8n days 15", "postgres days 15"], "\(found.notes)")
    }

    @Test func `of removals that may be meant the one that keeps most is taken`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            if [ "$(date +%u)" = 7 ]; then KIND=weekly; DAYS=56; else KIND=daily; DAYS=7; fi
            pg_dump app > "$DIR/$KIND/app.dump"
            find "$DIR/$KIND" -name 'app*' -mtime +$DAYS -delete
            """)
        #expect(try Self.kept(found) == ["app days 57"], "\(found.notes)")
    }

    @Test func `what is removed by number in two places is kept as a whole, and told`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            pg_dump app > "$DIR/daily/app.dump"
            [ "$(date +%u)" = 7 ] && cp "$DIR/daily/app.dump" "$DIR/weekly/app.dump"
            ls -t $DIR/daily/* | tail -n +8 | xargs rm
            ls -t $DIR/weekly/* | tail -n +5 | xargs rm
            """)
        #expect(try Self.kept(found) == ["app"], "\(found.notes)")
        #expect(
            found.notes.contains { $0.text.contains("in more than one place: all its dumps are kept") },
            "\(found.notes)")
    }

    @Test func `dumps in a folder where nothing is removed are kept for ever`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            pg_dump app > "$DIR/daily/app_$(date +%F).dump"
            [ "$(date +%u)" = 7 ] && cp "$DIR/daily/app_$(date +%F).dump" "$DIR/weekly/app_$(date +%F).dump"
            find $DIR/daily -mtime +7 -delete
            """)
        #expect(try Self.kept(found) == ["app"], "\(found.notes)")
        #expect(
            found.notes.contains { $0.text.hasPrefix("/srv/dumps/weekly/app_….dump is where nothing") },
            "\(found.notes)")
    }

    @Test func `numbers and days together keep both`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            pg_dump app > "$DIR/app/app.dump"
            ls -t $DIR/app/* | tail -n +8 | xargs rm
            find $DIR -mtime +365 -name 'app_monthly*' -delete
            """)
        #expect(try Self.kept(found) == ["app last 7 days 366"], "\(found.notes)")
    }

    @Test func `the days of one call are not those of another`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            declare -A KEEP=([postgres]=30 [odoo_db]=3)
            run() {
                local folder
                folder=$(mktemp -d)
                docker exec db pg_dump "$1" > "$folder/x.dump"
                find "$folder" -mtime +$2 -delete
            }
            all() { for db in "${!KEEP[@]}"; do run "$db" "${KEEP[$db]}"; done; }
            all
            """)
        #expect(try Self.kept(found) == ["odoo_db days 4", "postgres days 31"], "\(found.notes)")
    }

    @Test(arguments: [
        // What a run that failed has left, and tests that an age does not tell of: good dumps were kept for ever.
        "-name 'backup_*.dump' -size 0 -mtime +1", "-name 'backup_*.dump' -empty -mtime +1", "-type d -empty -mtime +1",
        "-name '*.dump.partial' -mtime +1", "-mindepth 2 -name '*.dump' -mtime +1", "-user x -mtime +1",
        "-mtime +1 -not -newer /srv/mark", "-name 'backup_app_*' ! -name 'backup_app_??????01_*' -mtime +7",
        "-name 'backup_app_??????02_*' -mtime +7", "-name 'backup_app_*01_*' -mtime +7", "-mtime -3", "-mtime 3",
        "-mtime +7 -o -name x", "-regex '.*' -mtime +7", "-path '*/old/*' -mtime +7", "-type d -mtime +7",
        "-name 'backup_?_*' -mtime +7", "-name '*.dump' -name 'x*' -mtime +7", "-maxdepth 0 -mtime +7",
        "$OPTIONS -mtime +7",
    ])
    func `a find that asks more than names and an age removes nothing here, and is told with its line`(
        tests: String
    ) throws {
        for removal in ["-delete", "-exec rm -f {} \\;", "-print0 | xargs -0 -r rm -f"] {
            let found = try ScheduleImportTests.read(
                """
                #!/bin/bash
                DIR=/srv/dumps
                pg_dump -Fc app > "$DIR/backup_app_$(date +%Y%m%d_%H%M%S).dump"

                find "$DIR" \(tests) \(removal)
                """)
            #expect(try Self.kept(found) == ["app"], "\(tests) \(removal) \(found.notes)")
            #expect(
                found.notes.contains { $0.line == 5 && $0.text.hasPrefix("removes old files in a way") }
                    || found.notes.contains { $0.text.hasPrefix("what line 5 removes is not /srv/dumps/backup_app_…") },
                "\(tests) \(removal) \(found.notes)")
        }
    }

    @Test(arguments: [
        ("-name 'backup_app_*.dump' -mtime +7", "app days 8"), ("-type f -name '*.dump' -mtime +7", "app days 8"),
        ("-maxdepth 1 -mindepth 1 -type f -name 'backup_*' -mtime +7", "app days 8"),
        ("-maxdepth 3 -mtime +7 -name '*'", "app days 8"),
        ("\\( -name '*.sql' -o -name '*.dump' \\) -mtime +7", "app days 8"),
        ("-daystart -mtime +7 -print", "app days 8"),
    ])
    func `a find of names, depths and an age is followed`(tests: String, kept: String) throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            DIR=/srv/dumps
            FILE="$DIR/backup_app_$(date +%Y%m%d_%H%M%S).dump"
            pg_dump -Fc app > "$FILE.tmp" && mv "$FILE.tmp" "$FILE"
            find "$DIR" \(tests) -delete
            """)
        #expect(try Self.kept(found) == [kept], "\(found.notes)")
    }

    @Test(arguments: [
        // The dumps' folder, what removes them, and what is kept.
        ("/srv/dumps/app", "find /srv/dumps -maxdepth 1 -mtime +7 -delete", "app"),
        ("/srv/dumps/app", "find /srv/dumps -maxdepth 2 -mtime +7 -delete", "app days 8"),
        ("/srv/dumps", "ls -t /srv/dumps/*.dump | grep -v '01_' | tail -n +8 | xargs rm", "app"),
        ("/srv/dumps", "ls -t /srv/dumps/backup_app_??????02*.dump | tail -n +8 | xargs rm", "app"),
        ("/srv/dumps", "find /srv/dumps -size 0 | sort -r | tail -n +8 | xargs rm", "app"),
        (
            "/srv/dumps",
            "find /srv/dumps -name '*.dump' -printf '%T@ %p\\n' | sort -rn | tail -n +8 | cut -d' ' -f2- | xargs rm",
            "app last 7"
        ),
        (
            "/srv/dumps",
            "find /srv/dumps -size 0 -mtime +1 -delete; find /srv/dumps -name '*.dump' -mtime +30 -delete",
            "app days 31"
        ),
        ("/srv/dumps", "gzip -9 $FILE; find /srv/dumps -name '*.dump.gz' -mtime +7 -delete", "app days 8"),
        ("/srv/dumps", "find /srv/dumps -name '*.dump.gz' -mtime +7 -delete", "app"),
    ])
    func `a removal is one of the dumps that were made`(folder: String, removal: String, kept: String) throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            FILE="\(folder)/backup_app_$(date +%Y%m%d_%H%M%S).dump"
            pg_dump -Fc app > "$FILE"
            \(removal)
            """)
        #expect(try Self.kept(found) == [kept], "\(found.notes)")
    }
}
