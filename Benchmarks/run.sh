#!/bin/sh
# Measures this program, and whole commands of it beside those that do the same without it; see README.md beside this file.
# It builds release, starts a PostgreSQL of its own on a private socket, and cleans up. usage: sh Benchmarks/run.sh
set -eu
cd "$(dirname "$0")/.."
sh scripts/deps.sh
${SWIFT:-swift} build -c release --static-swift-stdlib --product archon-backupd
${SWIFT:-swift} build -c release --static-swift-stdlib --product Benchmarks
ours=$PWD/.build/release/archon-backupd
parts=$PWD/.build/release/Benchmarks
here=$PWD/Benchmarks

work=$(mktemp -d /tmp/archon-bench.XXXXXX)
chmod 0755 "$work"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
# PostgreSQL refuses to run as root; everything else here runs as whoever called.
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --init-groups --reset-env"; else as=; fi
cleanup() {
    (cd / && $as "$bin/pg_ctl" -D "$work/cluster/data" -m immediate stop > /dev/null 2>&1) || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
compare() { python3 "$here/compare.py" "$@"; }

echo "$(date -u +%F), $(nproc) cores, $("$bin/postgres" --version), $(systemd-analyze --version | head -1)"
echo "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
"$parts" next-slot config/schedule.json
"$parts" scanner
"$parts" retention

# --- next slots, 10,000 of each

daily='*-*-* 02:00:00'
for zone in UTC Europe/Sofia; do
    compare 9 "10,000 slots of '$daily' in $zone" \
        "archon-backupd next --calendar" "'$ours' next --calendar '$daily' --time-zone $zone --count 10000" \
        "systemd-analyze calendar" "TZ=$zone systemd-analyze calendar --iterations=10000 '$daily'"
done
if python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q --disable-pip-version-check croniter; then
    for zone in UTC Europe/Sofia; do
        compare 9 "10,000 slots of '0 2 * * *' in $zone" \
            "archon-backupd next --cron" "'$ours' next --cron '0 2 * * *' --time-zone $zone --count 10000" \
            "croniter (with the start of Python)" "'$work/venv/bin/python' '$here/cron-peer.py' '0 2 * * *' $zone 10000"
    done
else
    echo 'croniter could not be installed: not compared'
fi

# --- status of a catalog with 1,000,000 runs of 50 jobs

mkdir "$work/years"
"$parts" fill-catalog "$work/years/state" 1000000
{
    printf '{"version": 1, "storage": {"root": "%s/none", "state": "%s/state", "minimumFree": "1MiB"}, ' "$work" "$work/years"
    printf '"servers": {"local": {"connection": "host=%s"}}, "databases": {' "$work"
    for number in $(seq -w 0 49); do
        [ "$number" = 00 ] || printf ', '
        printf '"job_%s": {"calendar": "hourly", "retention": {"keepLast": 60}}' "$number"
    done
    printf '}}\n'
} > "$work/years/schedule.json"
config="--config '$work/years/schedule.json'"
compare 9 "1,000,000 runs of 50 jobs in the catalog" "archon-backupd status" "'$ours' status $config"
compare 9 "the same catalog" "archon-backupd history job_07" "'$ours' history job_07 $config"
compare 9 "the start of the program alone" "archon-backupd --version" "'$ours' --version"

# --- the daemon: its start, what it holds and how often it wakes when idle

python3 "$here/daemon.py" "$ours" 5 1000 9 130
python3 "$here/daemon.py" "$ours" 10000 1000000 5 130
if [ "$(id -u)" = 0 ]; then
    python3 "$here/systemd-start.py" "$ours" 5 1000
    python3 "$here/systemd-start.py" "$ours" 10000 1000000
else
    echo 'not root: the start under a booted systemd is left out'
fi

# --- a PostgreSQL with two databases: one small table, and 8,000 rows of embeddings (about 150 MB of COPY text)

mkdir "$work/cluster" "$work/backups" "$work/hand"
[ "$(id -u)" = 0 ] && chown postgres "$work/cluster"
(
    cd "$work/cluster"
    $as "$bin/initdb" -N -U postgres -A trust -E UTF8 --locale=C.UTF-8 -D "$work/cluster/data" > /dev/null
    $as "$bin/pg_ctl" -D "$work/cluster/data" -w -l "$work/cluster/log" \
        -o "-c listen_addresses= -c unix_socket_directories=$work/cluster -c fsync=off -c max_wal_size=4GB" start > /dev/null
)
export PGHOST="$work/cluster" PGUSER=postgres PATH="$bin:$PATH"
sql() { psql -X -q -v ON_ERROR_STOP=1 "$@" > /dev/null; }
sql -d postgres -c 'CREATE DATABASE small' -c 'CREATE DATABASE archon'
sql -d small -c "CREATE TABLE settings AS SELECT g AS id, 'value ' || g AS value FROM generate_series(1, 100) g"
# As little is gathered of a vector as of this column; of a plain array ANALYZE counts every element, for seconds.
sql -d archon -c "SELECT setseed(0.5)" -c "
    CREATE TABLE archon_crawled_pages AS
    SELECT g AS id, 'https://example.org/' || g AS url, repeat(md5(g::text), 20) AS content,
      (SELECT array_agg((random() * 0.2 - 0.1)::real) FROM generate_series(1, 1536) WHERE g > 0) AS embedding
    FROM generate_series(1, 8000) g" -c 'ALTER TABLE archon_crawled_pages ADD PRIMARY KEY (id)' \
    -c 'ALTER TABLE archon_crawled_pages ALTER embedding SET STATISTICS 0' -c 'VACUUM ANALYZE' -c CHECKPOINT
cat > "$work/schedule.json" << END
{ "version": 1, "storage": { "root": "$work/backups", "state": "$work/state", "minimumFree": "64MiB" },
  "servers": { "local": { "connection": "host=$work/cluster user=postgres" } },
  "databases": { "small": { "calendar": "hourly", "retention": { "keepLast": 2 } },
                 "archon": { "calendar": "hourly", "retention": { "keepLast": 2 } },
                 "rows": { "database": "archon", "calendar": "hourly", "proof": "source", "retention": { "keepLast": 2 } },
                 "content": { "database": "archon", "calendar": "hourly", "proof": "source-content",
                              "retention": { "keepLast": 2 } } } }
END
export ARCHON_BACKUPD_CONFIG="$work/schedule.json"

# --- a backup

backup() {
    hand="$work/hand/$2"
    compare "$1" "a backup of $2" \
        "archon-backupd backup" "'$ours' backup $2" \
        "the same steps by hand (-Z1)" "pg_dump -Fc -Z1 -f '$hand.1' $2 && pg_restore -f /dev/null '$hand.1' \
            && sha256sum '$hand.1' > '$hand.sum' && pg_dumpall -g -f '$hand.sql'" \
        "pg_dump -Fc -Z1 alone" "pg_dump -Fc -Z1 -f '$hand.1' $2" \
        "pg_dump -Fc alone (its default, -Z6)" "pg_dump -Fc -f '$hand.6' $2" \
        "pg_dump -Fc -Z0 -f /dev/null" "pg_dump -Fc -Z0 --no-sync -f /dev/null $2"
}
backup 15 small
backup 5 archon

# --- what proof costs: the full read against the default pg_dump (a goal: a fifth of it at most), the source beside it, a drill

compare 5 "the whole check of a dump of archon" \
    "archon-backupd verify" "'$ours' verify archon" \
    "pg_dump -Fc alone (its default, -Z6)" "pg_dump -Fc -f '$work/hand/archon.6' archon" \
    "pg_restore -f /dev/null, sha256sum" "pg_restore -f /dev/null '$work/hand/archon.1' && sha256sum '$work/hand/archon.1'"
compare 5 "a backup of archon held to its source" \
    "proof: source" "'$ours' backup rows" "proof: read" "'$ours' backup archon"
compare 5 "the same, contents too" \
    "proof: source-content" "'$ours' backup content" "proof: read" "'$ours' backup archon"
cat > "$work/drill.sh" << END
cd / && rm -rf $work/throw && mkdir $work/throw && $( [ "$(id -u)" = 0 ] && echo "chown postgres $work/throw &&" )
$as $bin/initdb -N -U postgres -A trust -E UTF8 --no-locale -D $work/throw/data && $as $bin/pg_ctl -D $work/throw/data -w \
    -o "-c listen_addresses= -c unix_socket_directories=$work/throw -c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0" \
    -l $work/throw/log start && createdb -h $work/throw copy && pg_restore -h $work/throw --exit-on-error -d copy $work/hand/archon.1 \
    && vacuumdb -h $work/throw -q --analyze-only copy && $as $bin/pg_ctl -D $work/throw/data -m immediate stop && rm -rf $work/throw
END
compare 5 "a drill of archon, everything compared" \
    "archon-backupd drill" "'$ours' drill archon" \
    "initdb, start, pg_restore, analyze by hand, nothing compared" "sh -e '$work/drill.sh'"

# --- a restore, of the dump that is there, into a database that is not

restore() {
    dump=$(ls "$work/backups/$2"/backup_*.dump | tail -1)
    BEFORE='dropdb --if-exists copy' compare "$1" "a restore of $2" \
        "archon-backupd restore" "'$ours' restore $2 --into copy --yes" \
        "the same steps by hand" "sha256sum '$dump' && pg_restore -f /dev/null '$dump' && createdb -T template0 copy \
            && pg_restore --exit-on-error -d copy '$dump' && vacuumdb -q --analyze-only copy" \
        "createdb, pg_restore" "createdb -T template0 copy && pg_restore --exit-on-error -d copy '$dump'"
}
restore 9 small
restore 5 archon
megabytes() { echo "$(($(wc -c < "$1") / 1000000)) MB"; }
echo
echo "size of the dump of archon: $(megabytes "$dump"), with -Z1 $(megabytes "$work/hand/archon.1"), with -Z6 $(megabytes "$work/hand/archon.6")"
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
