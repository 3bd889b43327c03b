import BackupCore
import TestSupport
import Testing

/// Scripts of the sort that people have, and what is written for each.
@Suite struct ScheduleImportScriptsTests {
    @Test func `a script of associative arrays has its hours, its numbers and what it meant`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            set -euo pipefail
            BACKUP_DIR=/srv/backups
            declare -A SCHEDULES=(
                [postgres]="0 6 12 18"
                [archon_db]="02"
                ["odoo_db"]="8 12 16 20"
            )
            declare -A KEEP=([postgres]=30 [archon_db]=14 [odoo_db]=60)
            HOUR=$(date +%H)
            backup_database() {
                local db="$1" keep="$2"
                local out="$BACKUP_DIR/$db/backup_${db}_$(date +%Y%m%d_%H%M%S).dump"
                if ! docker exec supabase-ai-db pg_dump -U postgres -Fc "$db" > "$out" 2>> "$LOG"; then
                    log "pg_dump of $db failed"
                    return 1
                fi
                ls -1t "$BACKUP_DIR/$db"/backup_*.dump | tail -n +$((keep + 1)) | xargs -r rm -f
            }
            main() {
                for db in "${!SCHEDULES[@]}"; do
                    for h in ${SCHEDULES[$db]}; do
                        if [ "$h" = "$HOUR" ]; then backup_database "$db" "${KEEP[$db]}"; fi
                    done
                done
            }
            main "$@"
            """)
        #expect(
            try ScheduleImportTests.jobs(found) == [
                "archon_db | *-*-* 02:00:00 | last 14", "odoo_db | *-*-* 08,12,16,20:00:00 | last 60",
                "postgres | *-*-* 00/6:00:00 | last 30",
            ])
        let told = ScheduleImportTests.told(found)
        #expect(told.contains { $0.contains("postgres was backed up at 12 and 18; meant, and written") }, "\(told)")
        #expect(told.contains { $0.contains("\"8\" is never what `date +%H` prints") }, "\(told)")
        #expect(!told.contains { $0.contains("left") || $0.contains("hangs on") }, "\(told)")
    }

    @Test func `entries with colons, should_backup and verify_backup become jobs and no more`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/usr/bin/env bash
            DATABASES=("postgres:0,6,12,18:30" "n8n_db:03:14")
            DATABASES+=("langfuse_db:4:4")
            CUR=$(date +%H)
            should_backup() {
                local hours="$1"
                IFS=',' read -ra list <<< "$hours"
                for h in "${list[@]}"; do
                    if [ $((10#$CUR)) -eq "$h" ]; then return 0; fi
                done
                return 1
            }
            for entry in "${DATABASES[@]}"; do
                db="${entry%%:*}"
                rest="${entry#*:}"
                hours="${rest%%:*}"
                keep="${rest##*:}"
                if should_backup "$hours"; then
                    docker compose exec -T db pg_dump -U postgres -Fc "$db" > "/backups/$db/$(date +%F).dump"
                    verify_backup "$db" && notify_backup "$db" done
                    find "/backups/$db" -name '*.dump' -mtime +"$keep" -delete
                fi
            done
            """)
        #expect(
            try ScheduleImportTests.jobs(found) == [
                "langfuse_db | *-*-* 04:00:00 | days 5", "n8n_db | *-*-* 03:00:00 | days 15",
                "postgres | *-*-* 00/6:00:00 | days 31",
            ])
        let told = ScheduleImportTests.told(found)
        #expect(told.contains { $0.contains("db is a service of compose: write the name of its container") }, "\(told)")
        #expect(!told.contains { $0.contains("hangs on") }, "\(told)")
    }

    @Test func `a list that is read line by line loses none, and a file that is not known is told`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            H=$(date +%H)
            while IFS=: read -r db hours keep; do
                [ -z "$db" ] && continue
                case ",$hours," in
                    *",$H,"*) pg_dump -Fc "$db" > "/b/$db.dump" ;;
                esac
            done <<EOF
            postgres:00,06,12,18:30

            n8n_db:03:14
            odoo_db:8,20:60
            EOF
            while read -r name; do
                pg_dump "$name" > "/b/$name.dump"
            done < /etc/databases
            psql -Atc 'SELECT datname FROM pg_database' | while read -r name; do pg_dump "$name"; done
            for name in $(psql -Atc 'SELECT datname FROM pg_database'); do pg_dump "$name"; done
            """)
        #expect(
            try ScheduleImportTests.jobs(found) == [
                "n8n_db | *-*-* 03:00:00", "odoo_db | *-*-* 08,20:00:00", "postgres | *-*-* 00/6:00:00",
            ])
        let told = ScheduleImportTests.told(found)
        #expect(
            told.contains { $0.contains("odoo_db was backed up at 20; meant, and written, is at 08 and 20") }, "\(told)"
        )
        for line in [15, 17, 18] {
            #expect(told.contains("\(line): a pg_dump whose database is not known here: left"), "\(line) \(told)")
        }
    }

    @Test(arguments: [
        (
            "if [ -f /tmp/skip ]; then SKIP=1; fi\n[ \"$SKIP\" = 1 ] && exit 0\npg_dump app", "app | *-*-* *:00:00",
            "hangs on more than the clock"
        ),
        (
            "if [ -f /tmp/skip ]; then SKIP=1; fi\n[ \"$SKIP\" = 1 ] || pg_dump app", "app | *-*-* *:00:00",
            "hangs on more than the clock"
        ),
        (
            "due() { [ -f /tmp/due ] || return 1; return 0; }\ndue || pg_dump app", "app | *-*-* *:00:00",
            "hangs on more than the clock"
        ),
        (
            "due() { [ -f /tmp/due ] && return 0; return 1; }\nif due; then pg_dump app; fi", "app | *-*-* *:00:00",
            "hangs on more than the clock"
        ),
        ("[ -f /x ] || exit 0\npg_dump app", "app | *-*-* *:00:00", "hangs on more than the clock"),
        (
            "for db in app; do [ -f /x ] && continue; pg_dump $db; done", "app | *-*-* *:00:00",
            "hangs on more than the clock"
        ),
        (
            "DBS='app'\n[ -f /x ] && DBS=\"$DBS late\"\nfor d in $DBS; do pg_dump $d; done",
            "app | *-*-* *:00:00\nlate | *-*-* *:00:00", "added to DBS hangs"
        ),
        (
            "DBS=(app)\nif [ -f /x ]; then DBS+=(late); fi\nfor d in ${DBS[@]}; do pg_dump $d; done",
            "app | *-*-* *:00:00\nlate | *-*-* *:00:00", "added to DBS hangs"
        ),
        (
            "[[ $(date +%H) == @(02|03) ]] && pg_dump app", "app | *-*-* *:00:00",
            "a test of what date says that is not followed"
        ),
        (
            "[ $(( $(date +%V) % 2 )) -eq 0 ] && pg_dump app", "app | *-*-* *:00:00",
            "hangs on what date says in a way that is not followed"
        ),
        (
            "[ \"$(date +%H | rev)\" = 20 ] && pg_dump app", "app | *-*-* *:00:00",
            "hangs on what date says in a way that is not followed"
        ),
        ("MODE=${1:-}\n[ \"$1\" = full ] && pg_dump big\npg_dump app", "app | *-*-* *:00:00", "reads $1"),
        (". /etc/backup.conf\npg_dump app", "app | *-*-* *:00:00", "reads another file"),
    ])
    func `what hangs on more than the clock is taken as if it were so, and told`(
        script: String, jobs: String, note: String
    ) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\n" + script)
        #expect(try ScheduleImportTests.jobs(found).joined(separator: "\n") == jobs)
        #expect(
            ScheduleImportTests.told(found).contains { $0.contains(note) && !$0.hasPrefix("0:") },
            "\(ScheduleImportTests.told(found))")
    }

    @Test(arguments: [
        "docker run --rm postgres:16 pg_dump -h db app > /b/app",
        "kubectl exec deploy/pg -- pg_dump -U postgres app > /b/app",
        "ssh host pg_dump app > /b/app", "ssh host \"cd /b && pg_dump app > app.dump\"",
        "ssh host <<'X'\npg_dump app\nX",
        "echo app | xargs -n1 pg_dump -Fc", "parallel pg_dump ::: app", "docker exec $OPTS name pg_dump app",
        "systemd-run --wait pg_dump app", "cat > /b/one.sh <<X\npg_dump app\nX", "pg_dump \"$DATABASE\"",
        "pg_dumpall > /b/all.sql", "sudo /opt/backup/all.sh", "$RUNNER app",
        "if [ $(date +%H) = 24 ]; then pg_dump app; fi",
        "lost() { pg_dump app; }", "exit 0\npg_dump app", "case $(date +%u) in 8) backup_database app 3 ;; esac",
        "[ $(date +%H) = 24 ] && X=$(pg_dump app)", "[ $(date +%H) = 24 ] && sh -c 'pg_dump app'",
    ])
    func `a dump that is not followed, or never reached, is told with its line`(text: String) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\npg_dump other\n\(text)")
        #expect(try ScheduleImportTests.jobs(found) == ["other | *-*-* *:00:00"], "\(found.schedule)")
        #expect(
            found.notes.contains { ($0.line == 3 || $0.line == 4) && !$0.text.hasPrefix("reads") },
            "\(ScheduleImportTests.told(found))")
    }

    @Test(arguments: [
        "command -v pg_dump > /dev/null || exit 1", "which pg_dump || exit 1",
        "if ! command -v pg_dump; then echo none; fi",
        "echo \"pg_dump failed\"", "log \"pg_dump of $x failed\"", "# pg_dump other", "usage() { echo 'pg_dump all'; }",
        "check_backup app", "cleanup_old_backups app 3", "HOUR=$(date +%H)", "set -- pg_dump",
    ])
    func `what only speaks of dumps is none, and is not told`(text: String) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\npg_dump other\n\(text)\n")
        #expect(try ScheduleImportTests.jobs(found) == ["other | *-*-* *:00:00"], "\(found.schedule)")
        #expect(!found.notes.contains { $0.line == 3 }, "\(ScheduleImportTests.told(found))")
    }

    @Test(arguments: [
        // The command, its database, and the server that is written.
        ("docker exec -i pg bash -c \"cd /b && pg_dump -U postgres app > /b/app_$(date +%F).sql\"", "container pg"),
        ("docker exec \"$(docker ps -qf name=supabase)\" pg_dump -U postgres app", "container name-of-the-container"),
        ("docker-compose -f /x/compose.yml exec -T pg pg_dump app", "container pg"),
        ("podman exec -u postgres pg pg_dump app", "container pg"),
        (
            "su - postgres -c \"pg_dump app | gzip > /b/app-$(date +%Y%m%d).gz\"",
            "host=/var/run/postgresql user=postgres"
        ),
        ("runuser -u postgres -- pg_dump app", "host=/var/run/postgresql user=postgres"),
        ("sudo -iu postgres pg_dump app", "host=/var/run/postgresql user=postgres"),
        ("OUT=$(pg_dump -h db -p 6432 -U me app 2>&1 > /b/app) || exit 1", "host=db port=6432 user=me"),
        ("PG_DUMP=$(command -v pg_dump)\n$PG_DUMP -Fc app", "host=/var/run/postgresql user=postgres"),
        ("docker exec -i pg sh <<'X'\npg_dump app\nX", "container pg"),
        ("CMD=\"docker exec pg pg_dump -U postgres\"\n$CMD app > /b/8", "container pg"),
        ("CMD=(docker exec pg pg_dump)\n\"${CMD[@]}\" app", "container pg"),
        ("eval \"pg_dump app > /b/$(date +%F)\"", "host=/var/run/postgresql user=postgres"),
        ("pg_dump --file=\"/b/$(date +%F)\" --dbname=app", "host=/var/run/postgresql user=postgres"),
        ("PGDATABASE=app pg_dump --file=\"/b/$(date +%F)\"", "host=/var/run/postgresql user=postgres"),
        ("pg_dump -U app > /b/app", "host=/var/run/postgresql user=app"),
        ("pg_dump \"postgresql://me:$(cat /secret)@db/app\"", "host=db user=me"),
        ("/usr/lib/postgresql/16/bin/pg_dump app", "host=/var/run/postgresql user=postgres"),
        ("flock -n /l -c 'timeout 1h nice -n 5 pg_dump app'", "host=/var/run/postgresql user=postgres"),
        ("{ pg_dump app | gzip > /b/app.gz; } 2>&1 | tee -a /l", "host=/var/run/postgresql user=postgres"),
    ])
    func `a pg_dump is found behind what calls it, with its server`(text: String, server: String) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\n\(text)\n")
        #expect(try ScheduleImportTests.jobs(found) == ["app | *-*-* *:00:00"], "\(found.schedule)")
        let servers = try ScheduleImportTests.decode(found).servers
        #expect(
            servers.map { $0.container.map { "container \($0.name)" } ?? $0.connection } == [server],
            "\(found.schedule)")
        if server.contains("name-of") {
            #expect(
                found.notes.contains { $0.line == 2 && $0.text.contains("write its name") },
                "\(ScheduleImportTests.told(found))")
        }
    }

    @Test(arguments: [
        "docker exec pg pg_dump -h other app", "pg_dump -h \"$HOST\" app", "docker compose exec pg pg_dump app",
        "docker exec -e PGPASSWORD=secret pg pg_dump app",
    ])
    func `a server that a person must mend is told`(text: String) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\n\(text)\n")
        #expect(try ScheduleImportTests.jobs(found) == ["app | *-*-* *:00:00"])
        #expect(found.notes.contains { $0.line == 2 }, "\(ScheduleImportTests.told(found))")
    }

    @Test func `a script that cron calls once a day is told to be written for every hour, and no more`() throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            set -euo pipefail
            BACKUP_ROOT=/mnt/backup/postgres
            CONTAINER_NAME="${CONTAINER_NAME:-supabase-db}"
            RETENTION_DAYS=${RETENTION_DAYS:-14}
            DATABASES=(postgres n8n)
            TIMESTAMP=$(date +"%Y%m%d_%H%M%S")
            if [[ $EUID -ne 0 ]]; then echo "root" >&2; exit 1; fi
            if ! docker ps --format '{{.Names}}' | grep -q "^${CONTAINER_NAME}$"; then exit 1; fi
            exec 9>/var/lock/backup.lock
            flock -n 9 || { echo "running already"; exit 0; }
            failed=()
            for DB in "${DATABASES[@]}"; do
                OUT="${BACKUP_ROOT}/${DB}/${DB}_${TIMESTAMP}.sql.gz"
                if docker exec -t "$CONTAINER_NAME" pg_dump -U postgres --clean "$DB" | gzip -9 > "$OUT" && [ -s "$OUT" ]; then
                    echo "ok $DB ($(du -h "$OUT" | cut -f1))"
                else
                    failed+=("$DB")
                fi
            done
            find "$BACKUP_ROOT" -type f -name "*.sql.gz" -mtime +"$RETENTION_DAYS" -delete
            if [ ${#failed[@]} -gt 0 ]; then curl -d "failed ${failed[*]}" https://example.org/x; exit 1; fi
            """)
        #expect(
            try ScheduleImportTests.jobs(found) == [
                "n8n | *-*-* *:00:00 | days 15", "postgres | *-*-* *:00:00 | days 15",
            ])
        let told = ScheduleImportTests.told(found).filter { !$0.hasPrefix("0: its times") }
        #expect(
            told == [
                "0: nothing in it hangs on the clock: every hour is written, write the times at which it is called",
                "11: whether it goes on behind this exit hangs on more than the clock: taken as if it always did",
            ])
    }

    @Test func `each fact of a line is told, and none hides the next`() throws {
        let found = try ScheduleImportTests.read(
            "#!/bin/bash\nPGPASSWORD=x pg_dump app; pg_dump $A; ssh h pg_dump b; pg_dumpall\n")
        #expect(found.notes.filter { $0.line == 2 }.count >= 4, "\(ScheduleImportTests.told(found))")
        #expect(ScheduleImportTests.told(found).contains { $0.hasPrefix("0: no BACKUP_DIR is found") })
    }
}
