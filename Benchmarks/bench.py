"""Measures this program beside its peers, judges the goals of goals.toml, and writes RESULTS.md. `make bench` calls it.

usage: bench.py [--quick] [--rounds N] [--only SECTION[,SECTION]] BINARY [PARTS]

BINARY is a release build of archon-backupd, PARTS one of the program in Sources/ (without it our own parts are left out).
--quick is a try of the harness itself: small data, one round, nothing judged. Neither that nor --only writes RESULTS.md.
Exit: 0 done; 1 a goal is missed by more than its spread; 2 something could not be measured.
"""

import argparse
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from harness import dumps, machine, parts, peers, results, rows, scripts, server
from harness.measure import Failed, talk

HERE = os.path.dirname(os.path.abspath(__file__))
# Scripts that stand alone: a section's title, and what is called, in order.
SCRIPTS = {
    "space": ("sixty dumps", [["space.py"]]),
    "restore": ("restores", [["restore.py"]]),
    "scale": ("jobs and dumps by the thousand", [
        ["lateness.py"], ["lateness.py", "--jobs", "300"], ["storage.py"], ["daemon.py", "100000", "100000", "--servers", "1000", "--dumps", "0"]]),
    "daemon": ("the daemon", [
        ["daemon.py", "5", "--idle", "120"], ["daemon.py", "10000", "1000000", "--dumps", "2"], ["systemd-start.py", "5"]]),
}
SECTIONS = ["dump", *SCRIPTS, "parts"]


class Bench:
    def __init__(self, options):
        self.options = options
        self.binary = options.binary
        self.rounds = 1 if options.quick else options.rounds
        self.failures = []

    def section(self, name, folder):
        """Title and rows."""
        if name == "dump":
            return "dumps", self.attempt(name, lambda: self.dumps(folder))
        if name == "parts":
            call = (self.binary, self.options.parts, folder, self.rounds, self.options.quick)
            return "our own parts", self.attempt(name, lambda: parts.section(*call))
        title, calls = SCRIPTS[name]
        return title, [row for words in calls for row in self.attempt(
            " ".join(words), lambda words=words: scripts.call(self.binary, words, self.rounds, self.options.quick))]

    def attempt(self, name, measure):
        """The rows, or none: what fails is kept in mind, and the others go on."""
        talk(name)
        try:
            return [rows.checked(row) for row in measure()]
        except (Failed, rows.Malformed, subprocess.SubprocessError, OSError, ValueError) as failure:
            self.failures.append(f"{name}: {failure}")
            talk(f"bench: {self.failures[-1]}")
            return []

    def dumps(self, folder):
        peers.install()
        with server.Server(folder) as running:
            call = (running, self.binary, folder)
            return [row for database in dumps.SCALES for row in self.attempt(
                f"dump of {database}", lambda: dumps.measured(*call, database, self.rounds, self.options.quick))]

    def run(self):
        names = self.options.only or SECTIONS
        goals = rows.goals(f"{HERE}/goals.toml")
        began, before = datetime.datetime.now(datetime.timezone.utc), machine.load()
        folder = tempfile.mkdtemp(prefix="archon-bench.", dir=os.environ.get("TMPDIR", "/var/tmp"))
        os.chmod(folder, 0o755)
        try:
            sections = [self.section(name, folder) for name in names]
            facts = machine.facts(folder, self.binary, server.tools(), peers.versions())
        finally:
            shutil.rmtree(folder)
        minutes = (datetime.datetime.now(datetime.timezone.utc) - began).total_seconds() / 60
        facts.append(("load", f"{before} before, {machine.load()} after {minutes:.0f} minutes"))
        facts += [("not measured", failure.splitlines()[0]) for failure in self.failures]
        verdicts = [] if self.options.quick else rows.judge([row for _, found in sections for row in found], goals)
        self.say(sections, verdicts, facts, began)
        return 2 if self.failures else 1 if any(verdict.is_missed for verdict in verdicts) else 0

    def say(self, sections, verdicts, facts, began):
        whole = not self.options.quick and not self.options.only
        if not whole:
            verdicts = [verdict for verdict in verdicts if verdict.row]
        sys.stdout.write(results.terminal(sections, verdicts, facts))
        if whole:
            text = results.page(sections, verdicts, facts, self.rounds, began.strftime("%Y-%m-%d %H:%M UTC"))
            results.write(f"{HERE}/RESULTS.md", text)


def main():
    parser = argparse.ArgumentParser(description="Measures archon-backupd beside its peers.")
    parser.add_argument("--quick", action="store_true", help="small data, one round, nothing judged: a try of the harness")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"sections, of {', '.join(SECTIONS)}")
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("parts", type=os.path.abspath, nargs="?")
    options = parser.parse_args()
    if options.rounds < 1 or set(options.only or []) - set(SECTIONS):
        parser.error(f"rounds are one at least, and sections of {', '.join(SECTIONS)}")
    # What was begun ends and what was made is removed, whatever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(Bench(options).run())


if __name__ == "__main__":
    main()
