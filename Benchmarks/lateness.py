"""Measures how late runs begin when a thousand are due in one second.

usage: lateness.py BINARY [--jobs N] [--rounds N] [--json]

Makes a schedule of N jobs (default 1,000) whose slots spread evenly over one second some seconds ahead, starts the daemon and
notes when each job's first child begins. That child is the `before` hook, a program of a dozen lines in C that sends the time at
once: it is what a run starts first, before any server is asked, so what is measured is the daemon's own part from the slot to the
child, with the planner, the job's lock, the begin of the run in the catalog (synced) and the fork in it. There is no server: the
run then fails at once, and its end is noted too while others begin. Then the same with all slots at one instant, where the last
has to wait for all the others: for that there is no goal.
"""

import argparse
import datetime
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
int main(int count, char **words) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char text[256];
    const char *job = getenv("ARCHON_JOB");
    int length = snprintf(text, sizeof text, "%s %lld.%09ld", job ? job : "?", (long long)now.tv_sec, now.tv_nsec);
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    strncpy(place.sun_path, words[1], sizeof place.sun_path - 1);
    int end = socket(AF_UNIX, SOCK_DGRAM, 0);
    sendto(end, text, length, 0, (struct sockaddr *)&place, sizeof place);
    return count == 2 ? 0 : 1;
}
"""


def compiled(folder):
    with open(f"{folder}/child.c", "w") as file:
        file.write(PROGRAM)
    for compiler in ("cc", "clang", "gcc"):
        if shutil.which(compiler):
            subprocess.run([compiler, "-O1", "-static", "-o", f"{folder}/child", f"{folder}/child.c"], check=True)
            return f"{folder}/child"
    sys.exit("lateness.py: no C compiler")


def schedule(folder, child, slots):
    """As on a host that has run for a while: the folders are there, and nothing but these slots is due."""
    for name in slots:
        os.makedirs(f"{folder}/root/{name}", 0o700)
    databases = {
        name: {"calendar": f"{slot:%Y-%m-%d %H:%M:%S}.{slot.microsecond:06}", "catchUp": "never"} for name, slot in slots.items()}
    with open(f"{folder}/schedule.json", "w") as file:
        json.dump({
            "version": 1, "storage": {"root": f"{folder}/root", "state": f"{folder}/state", "minimumFree": "0B"},
            "concurrency": 64, "servers": {"local": {"connection": f"host={folder}", "concurrency": 64}},
            "defaults": {"drill": {"enabled": False}, "retry": {"attempts": 1}, "hooks": {"before": [child, f"{folder}/told"]}},
            "databases": databases}, file)


def ready(folder, binary):
    path = f"{folder}/notify"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    listener.bind(path)
    listener.settimeout(120)
    log = open(f"{folder}/log", "w")
    process = subprocess.Popen(
        [binary, "daemon", "--config", f"{folder}/schedule.json"], env=dict(os.environ, NOTIFY_SOCKET=path), stderr=log)
    while b"READY=1" not in listener.recv(65_536).split(b"\n"):
        pass
    return process, listener


def drain(listener):
    listener.settimeout(None)
    try:
        while listener.recv(65_536):
            pass
    except OSError:
        pass


def measure(binary, child, jobs, spread):
    """Seconds from each slot to the child's first breath, how many never came, and the processor's seconds a run."""
    folder = tempfile.mkdtemp(prefix="archon-lateness.")
    try:
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        told.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        told.bind(f"{folder}/told")
        first = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=8)
        slots = {
            f"job_{number:05}": first + datetime.timedelta(microseconds=round(number * 1_000_000 / jobs) if spread else 0)
            for number in range(jobs)}
        schedule(folder, child, slots)
        process, listener = ready(folder, binary)
        # As a service manager does: a full socket would make the daemon wait.
        threading.Thread(target=drain, args=[listener], daemon=True).start()
        if datetime.datetime.now(datetime.timezone.utc) >= first:
            sys.exit("lateness.py: the daemon was ready after the first slot")
        late, end = {}, time.monotonic() + 60
        while len(late) < jobs and time.monotonic() < end:
            if not select.select([told], [], [], 1)[0]:
                continue
            name, at = told.recv(256).decode().split()
            late.setdefault(name, float(at) - slots[name].timestamp())
        process.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.close()
        # With what its children took; the start of a daemon is a hundredth of it.
        return sorted(late.values()), jobs - len(late), (used.ru_utime + used.ru_stime) / jobs
    finally:
        shutil.rmtree(folder)


def quantile(values, part):
    return values[min(len(values) - 1, int(part * len(values)))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="archon-lateness.")
    rows = []
    try:
        child = compiled(folder)
        for name, spread in (("over one second", True), ("at one instant", False)):
            for _ in range(words.rounds):
                late, lost, used = measure(words.binary, child, words.jobs, spread)
                rows.append({
                    "slots": name, "jobs": words.jobs, "lost": lost, "load": os.getloadavg()[0],
                    "processorMilliseconds": round(used * 1000, 2),
                    **{key: round(quantile(late, part) * 1000, 2) for key, part in (
                        ("p50Milliseconds", .5), ("p90Milliseconds", .9), ("p99Milliseconds", .99), ("maximumMilliseconds", 1))}})
    finally:
        shutil.rmtree(folder)
    if words.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"slot to the first child of its run, {words.jobs:,} jobs, milliseconds (goal: p99 below 50 over one second)")
    for row in rows:
        print(f"  {row['slots']:16} p50 {row['p50Milliseconds']:8.1f}  p90 {row['p90Milliseconds']:8.1f}  "
              f"p99 {row['p99Milliseconds']:8.1f}  most {row['maximumMilliseconds']:8.1f}  lost {row['lost']}  "
              f"processor a run {row['processorMilliseconds']:.2f}  load {row['load']:.1f}")


if __name__ == "__main__":
    main()
