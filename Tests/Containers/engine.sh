#!/bin/sh
# engine.sh up FOLDER PID | down FOLDER -- a Docker engine of the tests' own, with everything of it in FOLDER.
#
# It lives in namespaces of its own for mounts, network and processes: no network but a loopback, nothing of the machine's /run,
# and when the first of its processes ends, all others end with it, containers too. `up` returns when it answers, on
# FOLDER/docker.sock; when process PID is gone or FOLDER/end is there, it is taken down by itself and FOLDER removed.
# Needs root; Debian: docker.io iptables iproute2.
set -u
folder=$2
name=$(basename "$folder")

down() {
    # Its death is that of every process in there.
    kill -KILL "$(cat "$folder/pid")" 2> /dev/null
    tries=0
    while [ -e "$folder" ] && [ $tries -lt 100 ]; do
        rm -rf "$folder" 2> /dev/null
        tries=$((tries + 1))
        sleep 0.1
    done
    find /sys/fs/cgroup -maxdepth 3 -type d -name "$name" 2> /dev/null | while read -r group; do
        find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
    done
}

case $1 in
up)
    mkdir -p "$folder/data" "$folder/exec" "$folder/home"
    cat > "$folder/inner.sh" << 'INNER'
set -eu
folder=$1
mount -t tmpfs tmpfs /run
ip link set lo up
# Containers may be told to die before the machine's other processes, and a child cannot be told less than its parent.
echo 0 > /proc/self/oom_score_adj
dockerd --host "unix://$folder/docker.sock" --data-root "$folder/data" --exec-root "$folder/exec" \
    --pidfile "$folder/dockerd.pid" --cgroup-parent "/$(basename "$folder")" --bridge=none --iptables=false \
    --ip6tables=false --ip-forward=false --log-level=warn &
wait $!
INNER
    HOME=$folder/home setsid unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
        sh "$folder/inner.sh" "$folder" > "$folder/log" 2>&1 < /dev/null &
    echo $! > "$folder/pid"
    pid=$!
    tries=0
    until DOCKER_HOST=unix://$folder/docker.sock timeout 10 docker version > /dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -ge 200 ] || ! kill -0 $pid 2> /dev/null; then
            tail -n 20 "$folder/log" >&2
            down
            exit 1
        fi
        sleep 0.1
    done
    # The dead man's switch: leaves with the tests, however they went.
    setsid sh -c 'while kill -0 "$1" 2> /dev/null && [ ! -e "$2/end" ]; do sleep 0.5; done; exec sh "$0" down "$2"' \
        "$(readlink -f "$0")" "$3" "$folder" > /dev/null 2>&1 < /dev/null &
    ;;
down) down ;;
esac
