"""Restores one dump by hand and by us, in turn: createdb and pg_restore with 1 to 4 workers, and archon-backupd restore.

usage: restore.py BINARY [--rounds N] [--scale N] [--format custom|directory] [--json FILE]

Makes a server of its own with PostgreSQL's default settings (fsync on), a database with indexes (pgbench at SCALE, default 40,
and a table of documents with b-trees on text and a GIN index), dumps it once with archon-backupd, and restores that dump again
and again. By hand nothing is checked before, nothing compared after, and no statistics are gathered; ours does all three, and
the table says what they take. "the old script" is pg_restore with its one worker, as that ran it.
Prints medians, the fastest and slowest round, and the ratio to the best by hand of the same round; exits 1 for a missed goal.
"""

import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

GOALS = {"best by hand": 1.1, "the old script": 0.6}
DOCUMENTS = """
CREATE TABLE documents (id bigint PRIMARY KEY, title text NOT NULL, body text NOT NULL, added timestamptz NOT NULL);
INSERT INTO documents SELECT g, md5(g::text) || ' ' || g,
    (SELECT string_agg('w' || (hashint8(g * 31 + n) & 16383), ' ') FROM generate_series(1, 40) n),
    '2026-01-01'::timestamptz + g * interval '1 second' FROM generate_series(1, ROWS::bigint) g;
CREATE INDEX documents_title ON documents (title);
CREATE INDEX documents_added ON documents (added);
CREATE INDEX documents_words ON documents USING gin (to_tsvector('simple', body));
CREATE INDEX accounts_balance ON pgbench_accounts (bid, aid);
"""


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"restore.py: exit {done.returncode} of {command}\n{done.stderr}")
    return done.stdout


class Stage:
    """A server in a folder, a database in it, and a schedule that dumps it."""

    def __init__(self, folder, binary, arguments):
        self.folder, self.binary = folder, binary
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        os.chmod(folder, 0o755)
        os.mkdir(f"{folder}/pg")
        if self.user:
            shutil.chown(f"{folder}/pg", "postgres")
        self.server("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", f"{folder}/pg/data")
        options = f"-c listen_addresses= -c unix_socket_directories={folder}/pg"
        self.server("pg_ctl", "-D", f"{folder}/pg/data", "-w", "-l", f"{folder}/pg/log", "-o", options, "start")
        self.environment = dict(os.environ, PGHOST=f"{folder}/pg", PGUSER="postgres", ARCHON_BACKUPD_CONFIG=f"{folder}/schedule.json")
        self.client("createdb", "-T", "template0", "indexed")
        self.client("pgbench", "-i", "-q", "-s", str(arguments.scale), "indexed")
        self.sql(DOCUMENTS.replace("ROWS", str(arguments.scale * 4000)))
        with open(f"{folder}/schedule.json", "w") as file:
            json.dump({
                "version": 1, "storage": {"root": f"{folder}/backups", "state": f"{folder}/state", "minimumFree": "0B"},
                "servers": {"s": {"connection": f"host={folder}/pg user=postgres"}},
                "databases": {"indexed": {"cron": "0 0 * * *", "format": arguments.format}},
            }, file)
        self.name = self.client(binary, "backup", "indexed").split()[-1]
        self.archive = f"{folder}/backups/indexed/{self.name}.dump"
        self.bytes = int(self.sql("SELECT pg_database_size('indexed')"))

    def server(self, program, *words):
        run(self.user + [f"{self.bin}/{program}", *words], cwd="/")

    def client(self, program, *words):
        return run([program if "/" in program else f"{self.bin}/{program}", *words], env=self.environment)

    def sql(self, text):
        return self.client("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", "indexed", "-c", text).strip()

    def by_hand(self, workers):
        self.client("createdb", "-T", "template0", "copy")
        self.client("pg_restore", f"--jobs={workers}", "--dbname=copy", self.archive)

    def old_script(self):
        self.client("createdb", "copy")
        self.client("pg_restore", "--dbname=copy", self.archive)

    def by_hand_and_read(self):
        """What somebody does who wants to know, as far as stock tools go: statistics, and every row read once."""
        self.by_hand(2)
        self.client("vacuumdb", "--quiet", "--analyze-only", "--jobs=2", "copy")
        self.client("pg_dump", "--data-only", "--format=directory", "--compress=0", "--jobs=2", f"--file={self.folder}/read", "copy")
        shutil.rmtree(f"{self.folder}/read")

    def ours(self):
        return json.loads(self.client(self.binary, "restore", "indexed", "--into", "copy", "--json"))

    def end(self):
        self.server("pg_ctl", "-D", f"{self.folder}/pg/data", "-m", "immediate", "stop")


def timed(stage, body):
    """Every round begins with nothing left to write."""
    stage.sql("CHECKPOINT")
    began = time.perf_counter()
    answer = body()
    seconds = time.perf_counter() - began
    stage.client("dropdb", "copy")
    return seconds, answer


def measure(stage, rounds):
    ways = {"restore": stage.ours, "the old script": stage.old_script, "by hand, with statistics and a read of all rows": stage.by_hand_and_read}
    for workers in range(1, 5):
        ways[f"pg_restore -j{workers}"] = lambda workers=workers: stage.by_hand(workers)
    times, parts = {name: [] for name in ways}, []
    for number in range(rounds):
        # In another order every round: whoever comes after another finds its pages in the cache.
        for name in sorted(ways, key=lambda name: (list(ways).index(name) + number) % len(ways)):
            seconds, answer = timed(stage, ways[name])
            times[name].append(seconds)
            print(f"  round {number + 1}: {name} {seconds:.2f} s", file=sys.stderr, flush=True)
            if name == "restore":
                parts.append(answer)
    hands = [times[name] for name in ways if name.startswith("pg_restore")]
    times["best by hand"] = min(hands, key=statistics.median)
    return times, parts


def report(stage, times, parts):
    """Lines for people, and the same as a value."""
    ours, rows, missed = times["restore"], {}, []
    print(f"restore of {stage.bytes >> 20} MiB, {os.path.basename(stage.archive)}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}, {len(ours)} rounds")
    for name, found in times.items():
        ratios = sorted(mine / theirs for mine, theirs in zip(ours, found))
        row = {"seconds": statistics.median(found), "fastest": min(found), "slowest": max(found),
               "ratio": statistics.median(ratios), "ratioLowest": ratios[0], "ratioHighest": ratios[-1], "goal": GOALS.get(name)}
        rows[name] = row
        line = f"  {name:47} {row['seconds']:7.2f} s  ({row['fastest']:.2f} to {row['slowest']:.2f})"
        if name != "restore":
            line += f"  ours is {row['ratio']:.2f} of it ({row['ratioLowest']:.2f} to {row['ratioHighest']:.2f})"
        if row["goal"]:
            line += f", goal {row['goal']}"
            # No more than the spread of its own rounds says.
            if row["ratioLowest"] > row["goal"]:
                missed.append(name)
        print(line)
    for part in ("fillingSeconds", "comparingSeconds"):
        if all(part in answer for answer in parts):
            rows[part] = statistics.median(answer[part] for answer in parts)
            print(f"  ours, {part.removesuffix('Seconds')}: {rows[part]:.2f} s")
    return rows, missed


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=40)
    parser.add_argument("--format", default="custom")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archon-restore.") as folder:
        stage = Stage(folder, arguments.binary, arguments)
        try:
            rows, missed = report(stage, *measure(stage, arguments.rounds))
        finally:
            stage.end()
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"format": arguments.format, "rounds": arguments.rounds, "databaseBytes": stage.bytes, "rows": rows}, file, indent=2)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


main()
