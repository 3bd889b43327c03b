"""Measures a start under a booted systemd, with the unit as it is installed: `systemctl start` to READY. Needs root.

usage: systemd-start.py BINARY JOBS [RUNS] [--rounds N] [--json] [--quick]

The stage is that of daemon.py, the booted host that of the tests (Tests/Systemd/box.sh). Beside it the same for a unit that runs
notify-peer.py, without a sandbox. What it says are rows, as README.md has them. --quick takes a hundredth of the jobs and runs.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from daemon import Stage
from harness import results, rows

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
PEER = "[Service]\nType=notify\nExecStart={python} {script}\n"


class Box:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run(["bash", f"{TOP}/Tests/Systemd/box.sh", "up", folder, str(os.getpid())], check=True,
                       env=dict(os.environ, BOX_UNIT="basic.target"))
        with open(f"{folder}/leader") as file:
            self.root = f"/proc/{file.read().strip()}/root"

    def run(self, *words):
        return subprocess.run(["bash", f"{TOP}/Tests/Systemd/box.sh", "run", self.folder, *words], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def put(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w") as file:
            file.write(text)

    def down(self):
        subprocess.run(["bash", f"{TOP}/Tests/Systemd/box.sh", "down", self.folder], check=True)

    def start(self, unit):
        """Seconds from the begin of the job, and from the begin of the program, to READY."""
        self.run("systemctl", "start", unit)
        shown = self.run("systemctl", "show", unit, "-p", ",".join((
            "InactiveExitTimestampMonotonic", "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")))
        stamps = {key: int(value) / 1e6 for key, value in (line.split("=") for line in shown.split())}
        ready = stamps["ActiveEnterTimestampMonotonic"]
        time.sleep(1)
        self.run("systemctl", "stop", unit)
        return ready - stamps["InactiveExitTimestampMonotonic"], ready - stamps["ExecMainStartTimestampMonotonic"]


def install(box, binary, stage):
    shutil.copy(binary, f"{box.root}/usr/bin/archon-backupd")
    for source, path in (("archon-backupd.service", "/etc/systemd/system"), ("sysusers.d/archon-backupd.conf", "/etc/sysusers.d")):
        with open(f"{TOP}/systemd/{source}") as file:
            box.put(f"{path}/{os.path.basename(source)}", file.read())
    box.run("systemd-sysusers")
    box.put("/etc/systemd/system/archon-backupd.service.d/bench.conf",
            f"[Service]\nEnvironment=ARCHON_BACKUPD_CONFIG={stage.config}\nReadWritePaths={stage.folder}\n")
    box.put("/opt/notify-peer.py", open(f"{HERE}/notify-peer.py").read())
    box.put("/etc/systemd/system/peer.service", PEER.format(python="/usr/bin/python3", script="/opt/notify-peer.py"))
    box.run("chown", "-R", "archon-backup:", stage.folder)
    box.run("systemctl", "daemon-reload")


def measure(options, folder):
    """Rows of starts in turn with those of the peer."""
    stage = Stage(folder, options.binary, options.jobs, options.runs)
    place = tempfile.mkdtemp(prefix="archon-box.")
    try:
        box = Box(f"{place}/box")
        try:
            install(box, options.binary, stage)
            pairs = [(box.start("archon-backupd"), box.start("peer")) for _ in range(options.rounds)]
        finally:
            box.down()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    found = []
    for number, what in ((0, "systemctl start to READY"), (1, "the same from the begin of the program")):
        title = f"{what}, {options.jobs:,} jobs"
        ours, theirs = ([pair[side][number] for pair in pairs] for side in (0, 1))
        found += [rows.bound(title, ours, "s", f"{options.runs:,} runs in the catalog, the unit's sandbox"),
                  rows.compare(title, ours, "Python that says READY=1, no sandbox", theirs, "s")]
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("jobs", type=int)
    parser.add_argument("runs", type=int, nargs="?", default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.jobs, options.runs = max(1, options.jobs // 100), max(1, options.runs // 100)
    if os.getuid() != 0:
        print("systemd-start.py: left out, a booted systemd needs root", file=sys.stderr)
        results.say([], options.json)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="archon-start.", dir="/srv")
    os.chmod(folder, 0o755)
    try:
        found = measure(options, folder)
    finally:
        shutil.rmtree(folder)
    results.say(found, options.json)


if __name__ == "__main__":
    main()
