"""Measures the daemon: from its start to READY=1, what it holds and how often it wakes when idle.

usage: daemon.py BINARY JOBS [RUNS [ROUNDS [IDLE_SECONDS]]]

Makes a schedule of JOBS jobs, seven dumps each on the disk, a catalog with RUNS runs (default 1,000), and starts the daemon
ROUNDS times (default 7) under a notify socket of its own. After the last start it is watched for IDLE_SECONDS (default 130,
0 leaves that out). No server is needed: nothing falls due while it looks. A peer of forty lines (notify-peer.py), which
only reports READY and sleeps, is started in turn with it: that is what the start of a program and of Python costs.
"""

import datetime
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

DUMPS = 7
WATCHDOG_SECONDS = 180


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

    def __init__(self, folder, binary, jobs, runs):
        self.folder, self.binary = folder, binary
        self.config = f"{folder}/schedule.json"
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        databases = {}
        for number in range(jobs):
            # The next slot is eight hours away at least, the last one as well.
            last = now - datetime.timedelta(hours=8, seconds=number % 28_800)
            name = f"job_{number:05}"
            databases[name] = {"calendar": f"*-*-* {last:%H:%M:%S}", "retention": {"keepLast": DUMPS}}
            self.dumps(name, last)
        with open(self.config, "w") as file:
            json.dump({
                "version": 1, "storage": {"root": f"{folder}/root", "state": f"{folder}/state", "minimumFree": "1MiB"},
                "servers": {"local": {"connection": f"host={folder}"}}, "databases": databases}, file, indent=1)
        self.call("rebuild-catalog")
        self.history(runs, jobs, int(now.timestamp() * 1_000_000))

    def call(self, *words):
        done = subprocess.run([self.binary, *words, "--config", self.config], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"daemon.py: {words}: {done.stderr}")

    def dumps(self, job, last):
        folder = f"{self.folder}/root/{job}"
        os.makedirs(folder, 0o700)
        for age in range(DUMPS):
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
        self.socket.settimeout(120)
        began = time.perf_counter()
        environment = dict(os.environ, NOTIFY_SOCKET=self.path, WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1_000_000))
        self.log = open(f"{folder}/log", "a+")
        self.process = subprocess.Popen(words, env=environment, stderr=self.log)
        while b"READY=1" not in self.socket.recv(65_536).split(b"\n"):
            pass
        self.ready = time.perf_counter() - began

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


def switches_of(pid):
    """Times that its threads gave up the processor by themselves; a wake is some of them, close to each other."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status") as lines:
                total += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
        except FileNotFoundError:
            # A thread that has ended since.
            continue
    return total


def watch(started, seconds):
    pid = started.process.pid
    # What follows READY has settled by then: a sweep in the background, a first status.
    time.sleep(min(10, seconds))
    before, sent = switches_of(pid), []
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        started.socket.settimeout(left)
        try:
            sent.append(started.socket.recv(65_536).decode().split("=")[0])
        except TimeoutError:
            break
    switches = switches_of(pid) - before
    memory = held(pid)
    print(f"  idle for {seconds} s: {switches / seconds * 60:.1f} voluntary switches of its threads a minute, "
          f"{len(os.listdir(f'/proc/{pid}/task'))} threads, sent {', '.join(sent) or 'nothing'}")
    print("  idle, kB: " + ", ".join(f"{key} {memory[key]}" for key in (
        "VmRSS", "RssAnon", "RssFile", "Pss", "Private_Dirty", "VmHWM")))


def line(name, times, first):
    ratio = statistics.median(ours / theirs for ours, theirs in zip(first, times, strict=True))
    text = f"  {name:36} {statistics.median(times):8.3f} s  ({min(times):.3f} to {max(times):.3f})"
    print(text if times is first else f"{text}  ours is {ratio:.2f} of it", flush=True)


def main():
    binary, jobs = sys.argv[1], int(sys.argv[2])
    runs, rounds, idle = (int(word) for word in (sys.argv[3:] + ["1000", "7", "130"][len(sys.argv) - 3:]))
    folder = tempfile.mkdtemp(prefix="archon-daemon.")
    try:
        stage = Stage(folder, binary, jobs, runs)
        ours = [binary, "daemon", "--config", stage.config]
        peer = [sys.executable, f"{os.path.dirname(os.path.abspath(__file__))}/notify-peer.py"]
        times, theirs = [], []
        for number in range(rounds):
            started = Started(folder, ours)
            times.append(started.ready)
            if number == rounds - 1 and idle:
                watch(started, idle)
            started.end()
            other = Started(folder, peer)
            theirs.append(other.ready)
            other.end()
        print(f"{jobs:,} jobs, {DUMPS} dumps each, {runs:,} runs in the catalog ({rounds} starts)")
        line("archon-backupd: start to READY=1", times, times)
        line("Python that says READY=1 and sleeps", theirs, times)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
