#!/bin/bash
# What the official image's entrypoint does, as far as it matters here: the first start makes a cluster and starts a server of
# the moment on the same socket, for the setup, which is stopped again; then the postmaster takes this process' place as PID 1.
set -e
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    chmod 3777 /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
        exit 1
    fi
    # shellcheck disable=SC2086
    initdb -N --username="${POSTGRES_USER:-postgres}" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-none}") \
        $POSTGRES_INITDB_ARGS > /dev/null
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    PGPASSWORD=$POSTGRES_PASSWORD pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses=''" > /dev/null
    pg_ctl -D "$PGDATA" -w -m fast stop > /dev/null
fi
exec "$@"
