"""What sixty kept dumps take, beside borg, restic and sixty plain files, while a twentieth of the tables changes between two.

usage: space.py BINARY [--dumps 60] [--tables 100] [--megabytes 60] [--growing 0] [--alone] [--pieces] [--json]

Starts a PostgreSQL of its own. Every day five in a hundred tables change (half of them get 2 % more rows, in the others 2 % of
the rows are updated), then each tool backs the database up in turn. --growing 0.3 adds a table of that part of the
whole which gets 0.5 % more rows every day. Space is what du counts (hard links once), time that of the last five backups.
--alone leaves the others out; --pieces says what cutting members by content would save, over the members of the dumps that were made.
borg runs through borgmatic from PyPI; a tool that is not there is left out. Exits 1 when sixty dumps take five times the first or more.
"""

import argparse
import glob
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

GOAL = 5.0
ROOT = os.geteuid() == 0
# PostgreSQL refuses to run as root; everything else here runs as whoever called.
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"] if ROOT else []


def run(command, **more):
    shell = isinstance(command, str)
    done = subprocess.run(command, shell=shell, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"space: exit {done.returncode} of {command}\n{done.stderr}")


def taken(path):
    """Bytes on the disk, an inode once."""
    return int(subprocess.run(["du", "-s", "-B1", path], check=True, capture_output=True, text=True).stdout.split()[0])


class Cluster:
    def __init__(self, work):
        self.folder = work / "cluster"
        self.folder.mkdir()
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))[-1]
        if ROOT:
            shutil.chown(self.folder, "postgres")
        data = str(self.folder / "data")
        self.call("initdb", "-N", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", data)
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c max_wal_size=4GB -c autovacuum=off"
        self.call("pg_ctl", "-D", data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def call(self, program, *arguments):
        run([*AS_POSTGRES, f"{self.bin}/{program}", *arguments], cwd="/")

    def stop(self):
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def sql(self, text, database="shop"):
        run([f"{self.bin}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database], input=text)


class Days:
    """The database, and how it changes; the same in each run of this script."""

    def __init__(self, cluster, tables, megabytes, growing):
        self.cluster, self.random, self.growing = cluster, random.Random(5), growing
        # Sizes as they are: some large tables, many small ones. A row is 100 bytes of COPY text.
        weights = [self.random.lognormvariate(0, 1.2) for _ in range(tables)]
        self.rows = [max(10, int(weight / sum(weights) * megabytes * 10_000)) for weight in weights]
        cluster.sql("CREATE DATABASE shop", "postgres")
        cluster.sql("CREATE FUNCTION words(n int, name text) RETURNS text LANGUAGE sql AS $$ SELECT md5(name || n) || ' at ' || md5(n || name) || ' for ' || (n % 9973) $$")
        for number, rows in enumerate(self.rows):
            self.make(f"t{number}", rows)
        if growing:
            self.events = int(megabytes * 10_000 * growing / (1 - growing))
            self.make("events", self.events)

    def make(self, name, rows):
        self.cluster.sql(f"CREATE TABLE {name} AS SELECT g AS id, words(g, '{name}') AS v FROM generate_series(1, {rows}) g")

    def add(self, name, rows, more):
        self.cluster.sql(f"INSERT INTO {name} SELECT g, words(g, '{name}') FROM generate_series({rows + 1}, {rows + more}) g")
        return rows + more

    def next(self):
        changed = self.random.sample(range(len(self.rows)), max(1, len(self.rows) // 20))
        for place, number in enumerate(changed):
            if place % 2 == 0:
                self.rows[number] = self.add(f"t{number}", self.rows[number], max(1, self.rows[number] // 50))
            else:
                self.cluster.sql(f"UPDATE t{number} SET v = md5(v) || v WHERE id % 50 = {self.random.randrange(50)}")
        if self.growing:
            self.events = self.add("events", self.events, self.events // 200)


def ours(binary, work, cluster):
    config = work / "schedule.json"
    config.write_text(json.dumps({
        "version": 1, "storage": {"root": str(work / "ours"), "state": str(work / "state"), "minimumFree": "64MiB"},
        "servers": {"local": {"connection": f"host={cluster.folder} user=postgres"}},
        "databases": {"shop": {"calendar": "daily", "format": "directory", "retention": {"keepLast": 1000}}}}))
    os.environ["ARCHON_BACKUPD_CONFIG"] = str(config)
    return "archon-backupd, directory format", work / "ours", lambda day: run([binary, "backup", "shop"])


def plain(work):
    folder = work / "plain"
    folder.mkdir()
    return "plain files of pg_dump -Fc", folder, lambda day: run(f"pg_dump -Fc -f {folder}/{day}.dump shop")


def restic(work):
    if not shutil.which("restic"):
        return None
    folder = work / "restic"
    os.environ.update(RESTIC_PASSWORD="bench", RESTIC_REPOSITORY=str(folder), RESTIC_CACHE_DIR=str(work / "cache"))
    run(["restic", "init"])
    return ("restic, of pg_dump -Fc -Z0", folder,
            lambda day: run("pg_dump -Fc -Z0 shop | restic backup -q --stdin --stdin-filename shop.dump"))


def borgmatic(work):
    program = work / "venv" / "bin" / "borgmatic"
    if not shutil.which("borg") or not program.exists():
        return None
    folder, config = work / "borg", work / "borg.yaml"
    # What pg_dump has compressed, as is borgmatic's default, hardly has a piece in common with the next day's.
    # $PGHOST names the server: borgmatic 2.1 takes a socket's path for the place of its own named pipe.
    database = {"name": "shop", "username": "postgres", "format": "custom", "compression": 0}
    # JSON is YAML.
    config.write_text(json.dumps({
        "repositories": [{"path": str(folder)}], "postgresql_databases": [database],
        "borg_base_directory": str(work / "base"), "user_runtime_directory": str(work / "runtime"),
        "user_state_directory": str(work / "borgmatic"), "unknown_unencrypted_repo_access_is_ok": True}))
    run([program, "-c", config, "repo-create", "--encryption", "none"])
    return "borg by borgmatic, of pg_dump -Fc -Z0", folder, lambda day: run([program, "-c", config, "create"])


def install_borgmatic(work):
    venv = work / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True).returncode == 0
    pip = [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "borgmatic"]
    if not made or subprocess.run(pip, capture_output=True).returncode != 0:
        print("borgmatic could not be installed: borg is left out", file=sys.stderr)


GEAR = [int.from_bytes(hashlib.sha256(bytes([byte])).digest()[:8], "big") for byte in range(256)]


def cut(data, least=16 << 10, mask=(1 << 16) - 1, most=256 << 10):
    """Pieces by content (gear hash), 80 KiB on average."""
    begin = 0
    while begin < len(data):
        end, number = min(begin + most, len(data)), 0
        at = min(begin + least, end)
        for place in range(at, end):
            number = ((number << 1) + GEAR[data[place]]) & 0xFFFFFFFF
            if number & (mask << 16) == 0:
                at = place + 1
                break
        else:
            at = end
        yield data[begin:at]
        begin = at


def pieces(folder):
    """(bytes of members, each content once; of their pieces, each content once and deflated as the members are), and those of
    the first dump's members."""
    seen, known, members, cut_up, first = set(), set(), 0, 0, 0
    for number, dump in enumerate(sorted(folder.glob("shop/*.dump"))):
        for path in dump.iterdir():
            file = path.stat()
            first += file.st_size if number == 0 else 0
            if file.st_ino in seen:
                continue
            seen.add(file.st_ino)
            members += file.st_size
            packed = path.read_bytes()
            data = zlib.decompress(packed, 31) if path.name.endswith(".gz") else packed
            for piece in cut(data):
                digest = hashlib.sha256(piece).digest()
                if digest not in known:
                    known.add(digest)
                    cut_up += len(zlib.compress(piece, 1))
    return members, cut_up, first


def measure(options, work):
    cluster = Cluster(work)
    try:
        os.environ.update(PGHOST=str(cluster.folder), PGUSER="postgres", PATH=f"{cluster.bin}:{os.environ['PATH']}")
        days = Days(cluster, options.tables, options.megabytes, options.growing)
        tools = [ours(options.binary, work, cluster)]
        if not options.alone:
            install_borgmatic(work)
            tools += [plain(work), restic(work), borgmatic(work)]
        tools = [tool for tool in tools if tool]
        times, first = {name: [] for name, _, _ in tools}, {}
        for day in range(options.dumps):
            if day:
                days.next()
            for name, folder, backup in tools:
                began = time.perf_counter()
                backup(day)
                times[name].append(time.perf_counter() - began)
                first.setdefault(name, taken(folder))
        began = time.perf_counter()
        run([options.binary, "list", "shop"])
        listing = time.perf_counter() - began
        run([options.binary, "verify", "shop", "--every"])
        found = {
            "dumps": options.dumps, "tables": options.tables, "growing": options.growing, "load": os.getloadavg(),
            "listSeconds": listing,
            "tools": [{"name": name, "first": first[name], "all": taken(folder), "ratio": taken(folder) / first[name],
                       "seconds": statistics.median(times[name][-5:]), "fastest": min(times[name][-5:]),
                       "slowest": max(times[name][-5:])} for name, folder, _ in tools]}
        if options.pieces:
            members, cut_up, one = pieces(work / "ours")
            found["pieces"] = {"members": members, "pieces": cut_up, "first": one}
        return found
    finally:
        cluster.stop()


def show(found):
    print(f"{found['dumps']} dumps of {found['tables']} tables, a twentieth changed between two"
          + (f", one growing table of {found['growing']:.0%}" if found["growing"] else ""))
    print(f"{'':48}{'first':>10}{'all':>11}{'all/first':>11}{'last backups, s':>24}")
    for tool in found["tools"]:
        seconds = f"{tool['seconds']:.2f} ({tool['fastest']:.2f} to {tool['slowest']:.2f})"
        print(f"{tool['name']:48}{tool['first'] / 1e6:7.1f} MB{tool['all'] / 1e6:8.1f} MB{tool['ratio']:11.2f}{seconds:>24}")
    if "pieces" in found:
        part = found["pieces"]
        print(f"members, each content once: {part['members'] / 1e6:.1f} MB ({part['members'] / part['first']:.2f} of the first dump); "
              f"cut by content: {part['pieces'] / 1e6:.1f} MB ({part['pieces'] / part['first']:.2f})")
    print(f"list of {found['dumps']} dumps: {found['listSeconds']:.3f} s; load {' '.join(f'{load:.1f}' for load in found['load'])}")


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("binary", type=os.path.abspath)
    words.add_argument("--dumps", type=int, default=60)
    words.add_argument("--tables", type=int, default=100)
    words.add_argument("--megabytes", type=float, default=60)
    words.add_argument("--growing", type=float, default=0)
    words.add_argument("--alone", action="store_true")
    words.add_argument("--pieces", action="store_true")
    words.add_argument("--json", action="store_true")
    options = words.parse_args()
    # What a limit on time ends cleans up as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="archon-space.") as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        found = measure(options, work)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
    if found["tools"][0]["ratio"] >= GOAL and not options.growing:
        sys.exit(1)


main()
