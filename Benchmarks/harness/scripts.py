"""The scripts that stand alone: how each is called, and how what it says becomes rows.

A script that says rows itself needs nothing here. The others have words of their own for people who call them by hand.
"""

import json
import os
import subprocess
import sys
import tempfile

from .measure import Failed
from .rows import Malformed, bound, compare

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT_SECONDS = 3600
HAND = "the best pg_restore -j by hand"
OLD_SCRIPT = "the old script: pg_restore"


def call(binary, words, rounds, quick):
    """The rows of a script beside bench.py, or Failed."""
    name = words[0]
    if not os.path.exists(f"{HERE}/{name}"):
        raise Failed(f"{name} is not there")
    begin = [sys.executable, f"{HERE}/{name}", binary, *words[1:]]
    with tempfile.TemporaryDirectory(prefix="archon-said.") as folder:
        if name in OWN_WORDS:
            options, rows = OWN_WORDS[name]
            path = f"{folder}/said"
            answer = run(begin + options(rounds, quick, path))
            if os.path.exists(path):
                with open(path) as file:
                    answer = file.read()
        else:
            rows = None
            answer = run([*begin, "--json", "--rounds", str(rounds), *(["--quick"] if quick else [])])
    try:
        said = json.loads(answer)
        # Whoever says rows is believed, whatever stands here.
        return said if rows is None or is_rows(said) else rows(said)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise Malformed(f"what {name} says is not understood: {error!r}") from error


def is_rows(said):
    return isinstance(said, list) and all(isinstance(row, dict) and "row" in row for row in said)


def run(words):
    """Its stdout. Some end with 1 when a goal of their own is missed: that is judged here, and what they said counts."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        try:
            answer, _ = running.communicate(timeout=LIMIT_SECONDS)
        finally:
            # It has a server to stop and folders to remove: it is asked to end.
            running.terminate()
    if running.returncode not in (0, 1) or not answer.strip():
        raise Failed(f"exit {running.returncode} of {os.path.basename(words[1])}")
    return answer


def space_words(rounds, quick, path):
    return ["--json", *(["--dumps", "6", "--tables", "20", "--megabytes", "4"] if quick else [])]


def space_rows(said):
    """Space is what it is: a second run of the same days would say the same. Backups are the last five of each."""
    ours, *others = said["tools"]
    kept = f"{said['dumps']} dumps, 5 % of {said['tables']} tables changed between two"
    whole = compare(f"space of {kept}", [ours["all"] / 1e6], "one dump", [ours["first"] / 1e6], "MB")
    found = [whole | {"spread": [whole["ratio"]] * 2}]
    for other in others:
        found.append(compare(f"space of {kept}", [ours["all"] / 1e6], other["name"], [other["all"] / 1e6], "MB"))
        found.append(compare("the last five backups of these", [ours["seconds"]], other["name"], [other["seconds"]], "s"))
    return [*found, bound(f"list of {said['dumps']} dumps", [said["listSeconds"]], "s")]


def restore_words(rounds, quick, path):
    return ["--json", path, "--rounds", str(rounds), "--scale", "2" if quick else "20"]


def restore_rows(said):
    ours, found = said["rows"].pop("restore"), []
    told = f"{said['databaseBytes'] / 1e6:,.0f} MB with indexes, {said['format']} format; ours checks before and compares after"
    names = {"best by hand": HAND, "the old script": OLD_SCRIPT}
    for name, row in said["rows"].items():
        if isinstance(row, dict):
            found.append({
                "row": "restore", "ours": ours["seconds"], "peer": row["seconds"], "peer_name": names.get(name, name), "unit": "s",
                "ratio": row["ratio"], "note": told,
                "spread": [row["ratioLowest"], row["ratioHighest"]] if said["rounds"] > 1 else None})
    return found


def lateness_words(rounds, quick, path):
    return ["--json", "--rounds", str(rounds), *(["--jobs", "50"] if quick else [])]


def lateness_rows(said):
    """The slots of a round that never came make it no figure at all."""
    found = []
    for name in dict.fromkeys(one["slots"] for one in said):
        rounds = [one for one in said if one["slots"] == name]
        if any(one["lost"] for one in rounds):
            raise Failed(f"{max(one['lost'] for one in rounds)} of {rounds[0]['jobs']} slots {name} never began")
        for part, key in (("p50", "p50Milliseconds"), ("p99", "p99Milliseconds")):
            found.append(bound(f"lateness, {part} of {rounds[0]['jobs']:,} slots {name}", [one[key] for one in rounds], "ms"))
    return found


def storage_words(rounds, quick, path):
    return ["--json", "--rounds", str(rounds), *(["--jobs", "20", "--dumps", "10"] if quick else [])]


def storage_rows(said):
    """Commands beside a large root; those that stand for one job are named without it."""
    root = f"{said['jobs'] * said['dumpsEach']:,} dumps over {said['jobs']:,} jobs"
    names = {"list": "list of one job", "prune": "prune of one job"}
    touched, found = said["foldersTouchedByPrune"], []
    for row in said["rows"]:
        verb, *rest = row["command"].split()
        options = " ".join(word for word in rest if verb not in names or word.startswith("--"))
        spread = [row["fastest"], row["slowest"]] if row["fastest"] < row["slowest"] else None
        name = f"{names.get(verb, verb)} {options}".strip()
        found.append(bound(f"{name}, {root}", [row["seconds"]], "s") | {"spread": spread})
    told = "without strace nothing is known of the folders that prune touched" if touched is None else \
        f"prune of one job touched folders of jobs: {len(touched)}"
    return [*found, bound(f"sweep after READY, {root}", [said["sweepSeconds"]], "s", told),
            bound(f"memory at most, {root}", [said["peakKilobytes"] * 1.024e-3], "MB")]


OWN_WORDS = {
    "space.py": (space_words, space_rows),
    "restore.py": (restore_words, restore_rows),
    "lateness.py": (lateness_words, lateness_rows),
    "storage.py": (storage_words, storage_rows),
}
