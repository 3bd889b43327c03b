#!/bin/bash
# A booted host in a box: a real systemd over an overlay of this machine's root, for tests that need root and nothing else.
#   box.sh up FOLDER [PID]     boots; ends when the process PID does. FOLDER (new) is this box's alone, so many may run.
#   box.sh run FOLDER CMD...   runs a command inside;  box.sh down FOLDER   ends it and removes what it left
# Inside, everything installed here is installed there, but for the product itself; what is written there goes with it.
# It has its own /run, /tmp, /dev, journal, loopback and machine id. Folders that are mounts of their own here are empty
# there: copy what a test needs to /proc/$(cat FOLDER/leader)/root/. BOX_UNIT is the unit to boot (basic.target starts no
# service of this machine's).
set -u
verb=${1:-}
box=${2:?usage: box.sh up|run|down FOLDER}
here=$(cd "$(dirname "$0")" && pwd)

# A cgroup of our own in every hierarchy, below the one we are in: the controllers take effect inside.
enter_cgroups() {
    mapfile -t lines < /proc/self/cgroup # all at once: the file changes as we move
    for line in "${lines[@]}"; do
        IFS=: read -r _ controller path <<< "$line"
        case "$controller" in
        '') root=/sys/fs/cgroup/unified ;;
        name=systemd) root=/sys/fs/cgroup/systemd ;;
        *) root=/sys/fs/cgroup/$controller ;;
        esac
        [ -d "$root" ] || continue
        group="$root${path%/}/archon-box-$$"
        mkdir -p "$group" && echo "$group" >> "$box/cgroups"
        if [ "$controller" = cpuset ]; then
            for limit in cpus mems; do cat "$root${path%/}/cpuset.$limit" > "$group/cpuset.$limit"; done
            echo 1 > "$group/cgroup.clone_children"
        fi
        echo $$ > "$group/cgroup.procs" || echo "cannot enter $group"
    done
}

# Outside the box, waits for its end or for its owner's, and cleans up.
guard() {
    enter_cgroups
    unshare --mount --pid --fork --cgroup --uts --ipc --net --propagation private --kill-child=KILL \
        bash "$here/box-inner.sh" "$box" &
    inside=$!
    echo "$inside" > "$box/unshare"
    while kill -0 "$inside" 2> /dev/null && kill -0 "$1" 2> /dev/null && [ ! -e "$box/end" ]; do sleep 0.2; done
    kill -KILL "$inside" 2> /dev/null
    wait "$inside"
    # Out of the cgroups, to where we came from, so that they can go.
    while read -r group; do echo $$ > "$(dirname "$group")/cgroup.procs"; done < "$box/cgroups"
    # What was killed in them takes its time to go.
    for _ in $(seq 50); do
        left=
        while read -r group; do
            [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
            [ ! -d "$group" ] || left=yes
        done < "$box/cgroups"
        [ -n "$left" ] || break
        sleep 0.1
    done
    rm -rf "$box"
}

case "$verb" in
up)
    mkdir -p "$box/mount"
    : > "$box/cgroups"
    setsid bash "$0" guard "$box" "${3:-$PPID}" > "$box/console.log" 2>&1 < /dev/null &
    guard=$!
    for _ in $(seq 600); do
        inside=$(cat "$box/unshare" 2> /dev/null)
        leader=$(cat "/proc/${inside:-none}/task/${inside:-none}/children" 2> /dev/null | cut -d' ' -f1)
        if [ -n "$leader" ] && [ "$(cat "/proc/$leader/comm" 2> /dev/null)" = systemd ]; then
            echo "$leader" > "$box/leader"
            state=$(bash "$0" run "$box" systemctl is-system-running 2> /dev/null)
            case "$state" in running | degraded) exit 0 ;; esac
        fi
        kill -0 "$guard" 2> /dev/null || break
        sleep 0.1
    done
    echo "box: no systemd is up: ${state:-}" >&2
    tail -20 "$box/console.log" >&2
    bash "$0" down "$box"
    exit 1
    ;;
guard) guard "$3" ;;
run)
    leader=$(cat "$box/leader")
    shift 2
    exec nsenter -t "$leader" -m -u -i -n -p -C -- /usr/bin/env -i \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
        SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive "$@"
    ;;
down)
    : > "$box/end"
    for _ in $(seq 100); do [ -e "$box" ] || exit 0; sleep 0.1; done
    exit 1
    ;;
*)
    echo 'usage: box.sh up|run|down FOLDER' >&2
    exit 64
    ;;
esac
