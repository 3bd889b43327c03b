#!/bin/sh
# The whole main job on a throwaway PostgreSQL of its own: five databases with data, the daemon on the shipped schedule,
# one database dropped and brought back, compared. Touches nothing outside its temporary folder and cleans up.
# usage: demo.sh PATH/TO/archon-backupd
set -eu
binary=$(realpath "${1:?usage: demo.sh PATH/TO/archon-backupd}")
repository=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/archon-demo.XXXXXX)
chmod 0755 "$work"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)

# PostgreSQL refuses to run as root; everything else here runs as whoever called.
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --init-groups --reset-env"; else as=; fi

daemon=
cleanup() {
    [ -z "$daemon" ] || kill "$daemon" 2> /dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2> /dev/null || true
    (cd / && $as "$bin/pg_ctl" -D "$work/cluster/data" -m immediate stop > /dev/null 2>&1) || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
say() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$1"; }

say "a PostgreSQL of its own, on a private socket"
mkdir "$work/cluster" "$work/backups" "$work/state"
[ "$(id -u)" = 0 ] && chown postgres "$work/cluster"
cd "$work/cluster"
$as "$bin/initdb" -N -U postgres -A trust -E UTF8 --locale=C.UTF-8 -D "$work/cluster/data" > /dev/null
$as "$bin/pg_ctl" -D "$work/cluster/data" -w -l "$work/cluster/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$work/cluster -c fsync=off" start > /dev/null
export PGHOST="$work/cluster" PGUSER=postgres
"$bin/psql" -At -c 'select version()'

say "five databases with data"
psql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -At "$@"; }
for database in archon_db n8n_db langfuse_db odoo_db; do psql -d postgres -c "create database $database"; done
sh "$repository/scripts/demo-data.sh" | psql -d archon_db
psql -d n8n_db -c "create table execution_entity as select g id, md5(g::text) data, now() started from generate_series(1, 20000) g"
psql -d langfuse_db -c "create table traces as select g id, md5(g::text) name, jsonb_build_object('n', g) body from generate_series(1, 10000) g"
psql -d odoo_db -c "create table res_partner as select g id, 'partner ' || g name from generate_series(1, 5000) g; create view partners as select name from res_partner"
psql -d postgres -c "create table auth_users as select g id, 'user' || g || '@example.org' email from generate_series(1, 500) g"
psql -d archon_db -c "select count(*) || ' archon_* tables' from pg_tables where tablename like 'archon\_%'"

say "the shipped schedule, with this server and these folders, and without pgvector, which this server has not"
sed -e "s|/backups/supabase-ai|$work/backups|" -e "s|/var/run/postgresql|$work/cluster|" -e 's|5GiB|64MiB|' \
    -e 's|"vector", ||' -e "s|\"root\"|\"state\": \"$work/state\", \"root\"|" "$repository/config/schedule.json" > "$work/schedule.json"
export ARCHON_BACKUPD_CONFIG="$work/schedule.json"
"$binary" check --connect

say "the daemon: a database that was never backed up is due at once"
"$binary" daemon 2> "$work/daemon.log" &
daemon=$!
count=0
until [ "$(find "$work/backups" -name 'backup_*.json' | wc -l)" = 5 ]; do
    count=$((count + 1))
    kill -0 "$daemon" 2> /dev/null && [ $count -lt 240 ] || { cat "$work/daemon.log"; echo 'demo: no five dumps' >&2; exit 1; }
    sleep 0.5
done
cat "$work/daemon.log"
"$binary" list

fingerprint() {
    "$bin/pg_dump" -d archon_db --no-sync | grep -vE '^(--|\\(un)?restrict )' | sha256sum | cut -d' ' -f1
}

say "archon-backupd drill archon_db: restored into a throwaway server, compared, dropped"
"$binary" drill archon_db

say "archon-backupd audit: Archon's tables are where they should be, and nowhere else"
"$binary" audit

say "the worst night: drop database archon_db"
before=$(fingerprint)
psql -d postgres -c 'drop database archon_db'
psql -d archon_db -c 'select 1' 2>&1 || true

say "archon-backupd restore archon_db"
"$binary" restore archon_db --yes

say "compared with what was there"
after=$(fingerprint)
echo "before  $before"
echo "after   $after"
[ "$before" = "$after" ] || { echo 'demo: the restored database differs' >&2; exit 1; }
psql -d archon_db -c "select count(*) || ' archon_* tables, ' || (select count(*) from archon_crawled_pages) || ' crawled pages' from pg_tables where tablename like 'archon\_%'"

say "status"
"$binary" status
kill "$daemon"
wait "$daemon" || true
daemon=
tail -2 "$work/daemon.log"
say "done: dumped by the daemon, dropped, restored, equal; cleaning up"
