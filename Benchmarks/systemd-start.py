"""Measures a start under a booted systemd, with the unit as it is installed: `systemctl start` to READY. Needs root.

usage: systemd-start.py BINARY JOBS RUNS [ROUNDS]

The stage is that of daemon.py, the booted host that of the tests (Tests/Systemd/box.sh). Beside it the same for a unit that runs
notify-peer.py, without a sandbox.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from daemon import Stage

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


def main():
    binary, jobs, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 7
    folder = tempfile.mkdtemp(prefix="archon-start.", dir="/srv")
    os.chmod(folder, 0o755)
    try:
        stage = Stage(folder, binary, jobs, runs)
        box = Box(tempfile.mkdtemp(prefix="archon-box.") + "/box")
        try:
            install(box, binary, stage)
            pairs = [(box.start("archon-backupd"), box.start("peer")) for _ in range(rounds)]
        finally:
            box.down()
        print(f"{jobs:,} jobs under systemd, {runs:,} runs in the catalog ({rounds} starts)")
        for place, what in ((0, "systemctl start to READY"), (1, "begin of the program to READY")):
            for number, name in ((0, "archon-backupd"), (1, "Python that says READY=1")):
                times = [pair[number][place] for pair in pairs]
                print(f"  {what}: {name:26} {statistics.median(times):6.3f} s  ({min(times):.3f} to {max(times):.3f})")
    finally:
        shutil.rmtree(folder)


main()
