#!/bin/sh
# Builds the Debian package of a static release binary that is there already; nothing is written into the source tree.
# usage: deb.sh BINARY FOLDER     leaves FOLDER/archon-backupd_VERSION_ARCHITECTURE.deb
set -eu
binary=$(realpath "${1:?usage: deb.sh BINARY FOLDER}")
folder=${2:?usage: deb.sh BINARY FOLDER}
cd "$(dirname "$0")/.."
mkdir -p "$folder"
folder=$(realpath "$folder")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
cp -a debian scripts config systemd docs README.md CHANGELOG.md LICENSE "$work/source"
rm -rf "$work/source/debian/archon-backupd" "$work/source/debian/.debhelper" "$work/source/debian/files"
cd "$work/source"
# The toolchain is no Debian package, and the binary is built: the build dependencies need not be there.
BINARY=$binary dpkg-buildpackage -us -uc -b -d > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
cp "$work"/archon-backupd_*.deb "$folder"
ls "$folder"/archon-backupd_*.deb
