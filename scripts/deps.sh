#!/bin/sh
# Installs the Debian packages of a list that are missing; does nothing when all are there. usage: sh scripts/deps.sh [LIST]
set -eu
list=${1:-$(dirname "$0")/packages.txt}
missing=
for package in $(grep -v '^#' "$list"); do
    # Docker's own packages and Debian's exclude each other: either will do, and what is installed stays.
    [ "$package" = docker.io ] && command -v dockerd > /dev/null && continue
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
echo "deps: installing$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing
