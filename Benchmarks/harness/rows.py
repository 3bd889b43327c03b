"""Rows as README.md describes them under "What a row is", and the judgement of goals.toml over them."""

import dataclasses
import statistics
import tomllib

KEYS = {"row": str, "ours": (int, float), "unit": str}
PARTS = ("ratio", "ours", "difference")


class Malformed(Exception):
    """A row, or a goal, that is none."""


def compare(row, ours, peer_name, peer, unit, note=None):
    """Ours beside a peer's, figures of the same rounds."""
    ratios = [mine / theirs for mine, theirs in zip(ours, peer, strict=True)]
    return {"row": row, "ours": statistics.median(ours), "peer": statistics.median(peer), "peer_name": peer_name, "unit": unit,
            "ratio": statistics.median(ratios), "spread": ends(ratios), "difference": statistics.median(differences(ours, peer)),
            "difference_spread": ends(differences(ours, peer)), "note": note}


def bound(row, ours, unit, note=None):
    """Ours alone."""
    return {"row": row, "ours": statistics.median(ours), "peer": None, "peer_name": None, "unit": unit, "ratio": None,
            "spread": ends(ours), "goal_of": "ours", "note": note}


def differences(ours, peer):
    return [mine - theirs for mine, theirs in zip(ours, peer, strict=True)]


def ends(figures):
    """None when there is only one: it says nothing about how far it may be trusted."""
    return [min(figures), max(figures)] if len(figures) > 1 else None


def checked(row):
    """The row with every key there, or Malformed."""
    if not isinstance(row, dict):
        raise Malformed(f"{row!r} is no row")
    for key, kinds in KEYS.items():
        if not isinstance(row.get(key), kinds):
            raise Malformed(f"{key} of {row!r} is missing or of another kind")
    whole = {"peer": None, "peer_name": None, "ratio": None, "spread": None, "goal": None, "goal_of": None, "note": None} | row
    whole["goal_of"] = whole["goal_of"] or ("ratio" if whole["ratio"] is not None else "ours")
    if whole["goal_of"] not in PARTS:
        raise Malformed(f"goal_of of {row!r} is none of {', '.join(PARTS)}")
    return whole


@dataclasses.dataclass(frozen=True)
class Goal:
    row: str
    most: float
    peer: str | None = None
    of: str = "ratio"
    unit: str = ""
    reason: str | None = None


def goals(path):
    """The table of goals, or Malformed: a name that is misspelt must not let a goal pass."""
    with open(path, "rb") as file:
        entries = tomllib.load(file)["goal"]
    try:
        found = [Goal(**entry) for entry in entries]
    except TypeError as error:
        raise Malformed(f"{path}: {error}") from error
    for goal in found:
        if goal.of not in PARTS or (goal.of != "ours" and goal.peer is None):
            raise Malformed(f"{path}: the goal of {goal.row!r} has no peer, or its 'of' is none of {', '.join(PARTS)}")
    return found


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A goal and what was found: `row` is None where it was not measured, `figure` what the goal is about."""

    goal: Goal
    row: dict | None
    figure: float | None = None
    spread: list | None = None

    @property
    def word(self):
        if self.figure is None:
            return "not measured"
        if self.figure <= self.goal.most:
            return "met"
        if self.spread is None:
            return "missed, measured once"
        return "**missed**" if self.is_missed else "missed by less than its spread"

    @property
    def is_missed(self):
        """By more than the spread is wide, of which something must be known."""
        if self.figure is None or self.spread is None:
            return False
        return self.figure - self.goal.most > self.spread[1] - self.spread[0]


def judge(rows, wanted):
    """A verdict for each goal, and one for each row with a goal of its own which the table does not have."""
    found = [verdict(goal, rows) for goal in wanted]
    named = {(goal.row, goal.peer) for goal in wanted}
    for row in rows:
        if row["goal"] is not None and (row["row"], row["peer_name"]) not in named:
            of = row["goal_of"]
            found.append(verdict(Goal(row["row"], row["goal"], row["peer_name"], of, row["unit"] if of != "ratio" else ""), rows))
    return found


def verdict(goal, rows):
    for row in rows:
        if row["row"] == goal.row and row["peer_name"] == goal.peer:
            return Verdict(goal, row, *figure(row, goal.of))
    return Verdict(goal, None)


def figure(row, of):
    """What the goal is about, and its spread."""
    if of == "ours":
        return row["ours"], row["spread"] if row["goal_of"] == "ours" else None
    if of == "ratio":
        return row["ratio"], row["spread"] if row["goal_of"] != "difference" else None
    if "difference" in row:
        return row["difference"], row["difference_spread"]
    return row["ours"] - row["peer"], row["spread"] if row["goal_of"] == "difference" else None
