"""Measures commands and the daemon's start beside a storage root with a million dumps.

usage: storage.py BINARY [--jobs N] [--dumps N] [--rounds N] [--json]

Makes N jobs (default 10,000) with N dumps each (default 100): the archives of a job are one small file with many names, each
manifest is a file of its own with its checksum, and the catalog has them noted. At the default it takes some minutes and four
gigabytes of small files. Then: `list` and `prune` of one job, `status`, and the daemon from its start to READY and to the end of
the sweep that follows it, with what it held at most. Where strace is there, it tells which folders `prune` of one job has touched.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from daemon import Started, held, manifest

GOAL_SECONDS = 0.3


def name_of(number):
    return f"job_{number:05}"


def slots(last, dumps):
    return [last - datetime.timedelta(days=age) for age in reversed(range(dumps))]


def make(folder, binary, jobs, dumps):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    lasts = {name_of(number): now - datetime.timedelta(hours=8, seconds=number % 28_800) for number in range(jobs)}
    with open(f"{folder}/schedule.json", "w") as file:
        json.dump({
            "version": 1, "storage": {"root": f"{folder}/root", "state": f"{folder}/state", "minimumFree": "1MiB"},
            "servers": {"local": {"connection": f"host={folder}"}}, "databases": {
                job: {"calendar": f"*-*-* {last:%H:%M:%S}", "retention": {"keepLast": dumps}} for job, last in lasts.items()}},
            file, indent=1)
    # While there are no dumps: it reads each of them.
    call(binary, folder, "rebuild-catalog")
    noted = []
    for job, last in lasts.items():
        place = f"{folder}/root/{job}"
        os.makedirs(place, 0o700)
        first = None
        for slot in slots(last, dumps):
            dump = f"backup_{job}_{slot:%Y%m%dT%H%M%SZ}"
            if first:
                os.link(first, f"{place}/{dump}.dump")
            else:
                first = f"{place}/{dump}.dump"
                with open(first, "w") as file:
                    file.write("archive")
            with open(f"{place}/{dump}.json", "w") as file:
                file.write(manifest(job, dump, slot))
            noted.append((job, dump, int(slot.timestamp()) * 1_000_000))
    with sqlite3.connect(f"{folder}/state/catalog.sqlite") as catalog:
        rows = sum(range(20))
        catalog.executemany(f"INSERT INTO dump (job, name, began, bytes, rows, proof) VALUES (?, ?, ?, 7, {rows}, 'read')", noted)
        catalog.executemany(
            """
            INSERT INTO job (name, firstSeen, slot, attempts, slotOutcome, slotEnded, lastSuccess, lastBytes, lastRows, lastSeconds,
              drillSlot, drillAttempts, drillOutcome, drillSlotEnded)
            VALUES (?, ?, ?, 1, 'succeeded', ?, ?, 7, 190, 1, ?, 1, 'succeeded', ?)
            """, [(job, *[int(last.timestamp()) * 1_000_000] * 4, *[int(now.timestamp()) * 1_000_000] * 2)
                  for job, last in lasts.items()])
    catalog.close()
    return lasts


def call(binary, folder, *words, status=0):
    began = time.perf_counter()
    done = subprocess.run([binary, *words, "--config", f"{folder}/schedule.json"], capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"storage.py: {words}: exit {done.returncode}: {done.stderr}")
    return time.perf_counter() - began


def touched(binary, folder, job):
    """The folders of jobs that `prune` of one opened or asked about; None without strace."""
    if not shutil.which("strace"):
        return None
    log = f"{folder}/strace"
    subprocess.run(
        ["strace", "-f", "-e", "trace=%file", "-o", log, binary, "prune", job, "--config", f"{folder}/schedule.json"],
        capture_output=True, check=True)
    with open(log) as lines:
        return sorted(set(re.findall(re.escape(f"{folder}/root/") + r"([^/\"]+)", lines.read())))


def swept(started, seconds):
    """Seconds until the daemon has used no processor for two seconds, and its peak in kilobytes."""
    pid, began = started.process.pid, time.perf_counter()
    last, since = -1, began
    while time.perf_counter() - began < seconds:
        with open(f"/proc/{pid}/stat") as file:
            words = file.read().rsplit(")", 1)[1].split()
        used = int(words[11]) + int(words[12])
        if used != last:
            last, since = used, time.perf_counter()
        elif time.perf_counter() - since > 2:
            break
        time.sleep(0.1)
    return since - began, held(pid)["VmHWM"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--dumps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="archon-storage.")
    try:
        began = time.perf_counter()
        make(folder, words.binary, words.jobs, words.dumps)
        print(f"made {words.jobs * words.dumps:,} dumps in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        job = name_of(words.jobs // 2)
        rows = []
        for command in (["list", job], ["status"], ["status", "--json"], ["prune", job, "--dry-run"], ["prune", job]):
            times = [call(words.binary, folder, *command) for _ in range(words.rounds)]
            rows.append({"command": " ".join(command), "seconds": statistics.median(times), "fastest": min(times),
                         "slowest": max(times), "goalSeconds": GOAL_SECONDS if command[0] != "prune" else None})
        folders = touched(words.binary, folder, job)
        started = Started(folder, [words.binary, "daemon", "--config", f"{folder}/schedule.json"])
        sweep, peak = swept(started, 600)
        rows.append({"command": "daemon: to READY=1", "seconds": started.ready, "fastest": started.ready,
                     "slowest": started.ready, "goalSeconds": 1.0})
        started.end()
        report = {"jobs": words.jobs, "dumpsEach": words.dumps, "rows": rows, "foldersTouchedByPrune": folders,
                  "sweepSeconds": sweep, "peakKilobytes": peak, "load": os.getloadavg()[0]}
    finally:
        shutil.rmtree(folder)
    if words.json:
        print(json.dumps(report, indent=1))
        return
    print(f"{words.jobs:,} jobs with {words.dumps} dumps each, load {report['load']:.1f}")
    for row in rows:
        goal = f"  goal {row['goalSeconds']} s" if row["goalSeconds"] else ""
        print(f"  {row['command']:32} {row['seconds']:8.3f} s  ({row['fastest']:.3f} to {row['slowest']:.3f}){goal}")
    print(f"  swept {sweep:.1f} s after READY, at most {peak / 1024:.0f} MiB held")
    print(f"  prune of {job} touched: " + ("no strace here" if folders is None else ", ".join(folders)))
    if folders is not None and folders != [job]:
        sys.exit("storage.py: prune of one job has touched other folders")


if __name__ == "__main__":
    main()
