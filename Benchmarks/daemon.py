"""Measures the daemon: from its start to READY=1, what it holds and how often it wakes when idle.

usage: daemon.py BINARY JOBS [RUNS] [--servers N] [--dumps N] [--rounds N] [--idle SECONDS] [--json] [--quick]

Makes a schedule of JOBS jobs over --servers servers (default 1), --dumps dumps of each on the disk (default 7), a catalog with
RUNS runs (default 1,000), and starts the daemon --rounds times (default 3) under a notify socket of its own. After the last start
it is watched for --idle seconds (default 0: not at all). No server is needed: nothing falls due while it looks. A peer of forty
lines (notify-peer.py), which only reports READY and sleeps, is started in turn with it: that is what the start of a program and
of Python costs. What it says are rows, as README.md has them. --quick takes a hundredth of the jobs and runs.
"""

import argparse
import datetime
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from harness import results, rows

DUMPS = 7
WATCHDOG_SECONDS = 180
SETTLING_SECONDS = 10
READY_LIMIT_SECONDS = 120


def manifest(job, name, slot):
    """As the program writes it, with the checksum of the other lines on the second."""
    text = f"{slot:%Y-%m-%dT%H:%M:%SZ}"
    body = {
        "version": 2, "job": job, "server": "local", "database": job, "dump": name, "slot": text, "began": text,
        "ended": text, "snapshot": text, "format": "custom", "compression": "gzip:1", "pgDumpVersion": "15.18",
        "serverVersion": "15.18", "bytes": 7, "sha256": "00" * 32, "entries": 1, "largeObjects": 0,
        "rows": {f"public.table_{number}": number for number in range(20)}, "extensions": [], "warnings": [],
        "properties": {"owner": "o", "encoding": "UTF8", "collation": "C", "characterType": "C", "localeProvider": "libc",
                       "connectionLimit": -1, "settings": []},
        "proof": "read", "tool": "daemon.py",
    }
    plain = json.dumps(body, indent=2, sort_keys=True, separators=(",", " : ")) + "\n"
    return plain[:2] + f'  "checksum" : "{hashlib.sha256(plain.encode()).hexdigest()}",\n' + plain[2:]


class Stage:
    """A folder with schedule, dumps and catalog, as some years of calm weather leave them."""

    def __init__(self, folder, binary, jobs, runs, servers=1, dumps=DUMPS):
        self.folder, self.binary, self.kept = folder, binary, dumps
        self.config = f"{folder}/schedule.json"
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        databases = {}
        for number in range(jobs):
            # The next slot is eight hours away at least, the last one as well.
            last = now - datetime.timedelta(hours=8, seconds=number % 28_800)
            name = f"job_{number:05}"
            databases[name] = {"calendar": f"*-*-* {last:%H:%M:%S}", "server": f"server_{number % servers}",
                               "retention": {"keepLast": DUMPS}}
            if dumps:
                self.dumps(name, last)
        with open(self.config, "w") as file:
            json.dump({
                "version": 1, "storage": {"root": f"{folder}/root", "state": f"{folder}/state", "minimumFree": "1MiB"},
                "servers": {f"server_{number}": {"connection": f"host={folder}"} for number in range(servers)},
                "databases": databases}, file, indent=1)
        self.call("rebuild-catalog")
        self.history(runs, jobs, int(now.timestamp() * 1_000_000))

    def call(self, *words):
        done = subprocess.run([self.binary, *words, "--config", self.config], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"daemon.py: {words}: {done.stderr}")

    def dumps(self, job, last):
        folder = f"{self.folder}/root/{job}"
        os.makedirs(folder, 0o700)
        for age in range(self.kept):
            slot = last - datetime.timedelta(days=age)
            name = f"backup_{job}_{slot:%Y%m%dT%H%M%SZ}"
            with open(f"{folder}/{name}.dump", "w") as file:
                file.write("archive")
            with open(f"{folder}/{name}.json", "w") as file:
                file.write(manifest(job, name, slot))

    def history(self, runs, jobs, now):
        """One run an hour of each job, in time before its dumps."""
        with sqlite3.connect(f"{self.folder}/state/catalog.sqlite") as catalog:
            catalog.execute(
                """
                WITH RECURSIVE counted(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM counted WHERE number + 1 < :runs),
                timed AS (SELECT printf('job_%05d', number % :jobs) AS job, :now - (:runs - number) / :jobs * 3600000000
                  - 864000000000 AS began FROM counted)
                INSERT INTO run (job, database, server, slot, attempt, missed, coalesced, began, ended, outcome, dump, bytes, rows, pid)
                SELECT job, job, 'local', began, 1, 0, 0, began, began + 5000000, 'succeeded', 'backup', 7, 190, 1 FROM timed
                """, {"runs": runs, "jobs": jobs, "now": now})
            if not self.kept:
                # What dumps would have told `rebuild-catalog`: the last slot has been done.
                catalog.executemany(
                    "INSERT INTO job (name, firstSeen, slot, attempts, slotOutcome, slotEnded, lastSuccess) "
                    "VALUES (?, ?, ?, 1, 'succeeded', ?, ?)",
                    ((f"job_{number:05}", now, now, now, now) for number in range(jobs)))
            # The drills of the week have been made.
            catalog.execute(
                "UPDATE job SET drillSlot = ?, drillAttempts = 1, drillOutcome = 'succeeded', drillSlotEnded = ?", (now, now))
        catalog.close()


class Started:
    """A program that says READY=1 on a socket of ours."""

    def __init__(self, folder, words):
        self.path = f"{folder}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(self.path)
        self.socket.settimeout(1)
        began = time.perf_counter()
        environment = dict(os.environ, NOTIFY_SOCKET=self.path, WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1_000_000))
        self.log = open(f"{folder}/log", "a+")
        self.process = subprocess.Popen(words, env=environment, stderr=self.log)
        while not self.said_ready():
            if self.process.poll() is not None or time.perf_counter() - began > READY_LIMIT_SECONDS:
                self.process.kill()
                self.log.seek(0)
                sys.exit(f"daemon.py: never ready: {self.log.read()[-2000:]}")
        self.ready = time.perf_counter() - began

    def said_ready(self):
        try:
            return b"READY=1" in self.socket.recv(65_536).split(b"\n")
        except TimeoutError:
            return False

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) not in (0, -signal.SIGTERM):
            sys.exit(f"daemon.py: exit {self.process.returncode}")
        self.socket.close()
        self.log.close()
        os.unlink(self.path)


def held(pid):
    """Kilobytes of /proc/PID/smaps_rollup, and of status."""
    found = {}
    for file in ("smaps_rollup", "status"):
        with open(f"/proc/{pid}/{file}") as lines:
            for line in lines:
                words = line.split()
                if len(words) == 3 and words[2] == "kB":
                    found[words[0].rstrip(":")] = int(words[1])
    return found


def megabytes(kilobytes):
    """Of 10⁶ bytes, from those of 1,024 that /proc counts."""
    return kilobytes * 1.024e-3


def switches_of(pid):
    """Times that each of its threads gave up the processor by itself; a wake is some of them, close to each other."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status") as lines:
                found[thread] = sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
        except FileNotFoundError:
            # A thread that has ended since.
            continue
    return found


def watch(started, seconds, jobs):
    """Rows of a daemon that has nothing to do."""
    pid = started.process.pid
    # What follows READY has settled by then: a sweep in the background, a first status.
    time.sleep(SETTLING_SECONDS)
    before = switches_of(pid)
    time.sleep(seconds)
    memory = held(pid)
    # Of a thread that ended meanwhile nothing is known any more.
    switches = sum(count - before.get(thread, 0) for thread, count in switches_of(pid).items())
    parts = (f"{key} {megabytes(memory[key]):.1f} MB" for key in ("RssAnon", "RssFile", "Pss", "VmHWM"))
    told = f"after {seconds} s; {', '.join(parts)}"
    return [
        rows.bound(f"idle, {jobs:,} jobs: resident", [megabytes(memory["VmRSS"])], "MB", told),
        rows.bound(f"idle, {jobs:,} jobs: voluntary switches of threads", [switches / seconds * 60], "a minute"),
    ]


def measure(options, folder):
    """Rows of starts, and of the time after the last of them."""
    stage = Stage(folder, options.binary, options.jobs, options.runs, options.servers, options.dumps)
    peer = [sys.executable, f"{os.path.dirname(os.path.abspath(__file__))}/notify-peer.py"]
    times, theirs, peaks, idle = [], [], [], []
    for number in range(options.rounds):
        started = Started(folder, [options.binary, "daemon", "--config", stage.config])
        times.append(started.ready)
        peaks.append(megabytes(held(started.process.pid)["VmHWM"]))
        if number == options.rounds - 1 and options.idle:
            idle = watch(started, options.idle, options.jobs)
        started.end()
        other = Started(folder, peer)
        theirs.append(other.ready)
        other.end()
    title = f"start to READY, {options.jobs:,} jobs"
    told = f"{options.runs:,} runs in the catalog, {options.dumps} dumps of each job, servers: {options.servers:,}"
    return [rows.bound(title, times, "s", told), rows.compare(title, times, "Python that says READY=1 and sleeps", theirs, "s"),
            rows.bound(f"memory at READY, {options.jobs:,} jobs", peaks, "MB"), *idle]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("jobs", type=int)
    parser.add_argument("runs", type=int, nargs="?", default=1000)
    for name, default in (("servers", 1), ("dumps", DUMPS), ("rounds", 3), ("idle", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.jobs, options.runs, options.idle = max(1, options.jobs // 100), max(1, options.runs // 100), min(1, options.idle)
        options.servers = min(options.servers, options.jobs)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="archon-daemon.")
    try:
        found = measure(options, folder)
    finally:
        shutil.rmtree(folder)
    results.say(found, options.json)


if __name__ == "__main__":
    main()
