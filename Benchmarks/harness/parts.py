"""Our own parts: what Sources/ measures, next slots beside those whose words we took, what `status` asks of a large catalog."""

import json
import os
import shlex
import shutil
import subprocess

from . import peers
from .measure import Command, Failed, interleave, talk
from .rows import bound, compare
from .server import emptied

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DAILY, DAILY_CRON, SLOTS = "*-*-* 02:00:00", "0 2 * * *", 10_000
CATALOG_JOBS, CATALOG_RUNS = 50, 1_000_000
# These take tens of milliseconds: a round of them is so many.
ROUNDS = 3


def measured(program, *words):
    """The rows that the program in Sources/ says."""
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"exit {done.returncode} of {os.path.basename(program)} {' '.join(words)}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def seconds(costs, name):
    return [cost.seconds for cost in costs[name]]


def slots(binary, rounds):
    """Ten thousand of each."""
    ours, found = shlex.quote(binary), []
    programs = peers.from_pypi("croniter")
    for zone in ("UTC", "Europe/Sofia"):
        analyze = f"TZ={zone} systemd-analyze calendar --iterations={SLOTS} '{DAILY}'"
        theirs = [Command("systemd-analyze calendar", analyze, optional=True)]
        calendar = f"{ours} next --calendar '{DAILY}' --time-zone {zone} --count {SLOTS}"
        found += beside(f"{SLOTS:,} slots of a daily calendar in {zone}", calendar, theirs, rounds)
        if programs:
            peer = f"{programs}/python {HERE}/cron-peer.py '{DAILY_CRON}' {zone} {SLOTS}"
            theirs = [Command("croniter, with the start of Python", peer, optional=True)]
            cron = f"{ours} next --cron '{DAILY_CRON}' --time-zone {zone} --count {SLOTS}"
            found += beside(f"{SLOTS:,} slots of a daily cron line in {zone}", cron, theirs, rounds)
    return found


def beside(row, ours, theirs, rounds):
    costs = interleave([Command("ours", ours), *theirs], rounds)
    return [compare(row, seconds(costs, "ours"), name, seconds(costs, name), "s") for name in costs if name != "ours"]


def catalog(binary, program, folder, rounds, quick):
    """A catalog as years leave it, asked by whole commands."""
    runs = CATALOG_RUNS // 100 if quick else CATALOG_RUNS
    emptied(folder)
    subprocess.run([program, "fill-catalog", f"{folder}/state", str(runs)], check=True)
    job = {"calendar": "hourly", "retention": {"keepLast": 60}}
    with open(f"{folder}/schedule.json", "w") as file:
        json.dump({
            "version": 1, "storage": {"root": f"{folder}/none", "state": f"{folder}/state", "minimumFree": "1MiB"},
            "servers": {"local": {"connection": f"host={folder}"}},
            "databases": {f"job_{number:02}": job for number in range(CATALOG_JOBS)}}, file)
    config, told = f"--config {folder}/schedule.json", f"{runs:,} runs of {CATALOG_JOBS} jobs in the catalog"
    asked = {"status of 50 jobs": "status", "history of one job": "history job_07"}
    alone = Command("start of the program alone", f"{shlex.quote(binary)} --version")
    commands = [Command(name, f"{shlex.quote(binary)} {words} {config}") for name, words in asked.items()]
    costs = interleave([*commands, alone], rounds)
    return [bound(name, seconds(costs, name), "s", told if name in asked else None) for name in costs]


def section(binary, program, folder, rounds, quick):
    year = ["300", "30", "1"] if quick else ["10000", "365", str(rounds)]
    rounds = 1 if quick else rounds * ROUNDS
    found = slots(binary, rounds)
    if program is None:
        talk("bench: the program of Sources/ was not named: next slots in memory, scanner, retention, year and catalog are left out")
        return found
    for words in (["next-slot", f"{os.path.dirname(HERE)}/config/schedule.json"], ["scanner"], ["retention"], ["year", *year]):
        found += measured(program, *words)
    found += catalog(binary, program, f"{folder}/catalog", rounds, quick)
    shutil.rmtree(f"{folder}/catalog")
    return found
