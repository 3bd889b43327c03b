"""The answer: a table for a terminal, or JSON, and RESULTS.md, which nobody writes by hand."""

import json
import os

from .rows import checked

HEAD = """# What was measured

Written by `make bench` on {date}, rounds: {rounds}; how and why is said in [README.md](README.md). Every figure is the
median of the rounds, a ratio the median over the rounds of ours divided by the other's of the same round, and in brackets
stand its lowest and its highest. Below 1 we are faster, or smaller.

"""


def number(value):
    """Three digits that mean something."""
    if value is None:
        return ""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def ratio(value):
    return "" if value is None else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def spread_of(spread, shown):
    return f" ({shown(spread[0])} to {shown(spread[1])})" if spread else ""


def measured(row):
    """Cells of a row: what, ours, beside, theirs, ratio with its spread."""
    own = spread_of(row["spread"], number) if row["peer"] is None else ""
    ours = f"{number(row['ours'])} {row['unit']}{own}"
    if row["peer"] is None:
        return [row["row"], ours, "", "", ""]
    # A script may say the spread of a difference in place of the ratio's.
    spread = row["spread"] if row["goal_of"] != "difference" or "difference" in row else None
    theirs = f"{number(row['peer'])} {row['unit']}"
    return [row["row"], ours, row["peer_name"], theirs, ratio(row["ratio"]) + spread_of(spread, ratio)]


def judged(verdict):
    """Cells of a goal: what, beside, goal, found, verdict."""
    goal = verdict.goal
    unit = {"ratio": "×", "ours": verdict.goal.unit, "difference": goal.unit}[goal.of]
    shown = ratio if goal.of == "ratio" else number
    limit = f"≤ {goal.most:g} {unit}" + (" more" if goal.of == "difference" else "")
    found = "" if verdict.figure is None else f"{shown(verdict.figure)}{spread_of(verdict.spread, shown)}"
    return [goal.row, goal.peer or "", limit, found, verdict.word]


def markdown(titles, lines, right=()):
    """A table; the columns named by number in `right` are set to the right."""
    rule = ["---:" if column in right else "---" for column in range(len(titles))]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n" for cells in [titles, rule, *lines])


def plain(titles, lines):
    """The same for a terminal."""
    widths = [max(len(cells[column]) for cells in [titles, *lines]) for column in range(len(titles))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"
                   for cells in [titles, *lines])


GOAL_TITLES = ["goal", "beside", "at most", "found", "verdict"]
ROW_TITLES = ["measure", "ours", "beside", "theirs", "ratio"]


def terminal(sections, verdicts, facts):
    text = "".join(f"{name}: {value}\n" for name, value in facts)
    for title, rows in sections:
        text += f"\n{title}\n" + plain(ROW_TITLES, [measured(row) for row in rows])
    if verdicts:
        text += "\n" + plain(GOAL_TITLES, [judged(verdict) for verdict in verdicts]).replace("**", "")
    return text


def say(rows, as_json):
    """What a script that stands alone has found."""
    whole = [checked(row) for row in rows]
    print(json.dumps(whole, indent=1) if as_json else plain(ROW_TITLES, [measured(row) for row in whole]).rstrip())


def page(sections, verdicts, facts, rounds, date):
    """The text of RESULTS.md."""
    text = HEAD.format(rounds=rounds, date=date)
    text += markdown(["machine", ""], facts)
    text += "\n## Goals\n\n" + markdown(GOAL_TITLES, [judged(verdict) for verdict in verdicts], right=(2, 3))
    reasons = [(verdict, verdict.goal.reason) for verdict in verdicts if verdict.goal.reason and verdict.word != "met"]
    if reasons:
        text += "\nWhy what is not met is not:\n\n"
        for verdict, reason in reasons:
            beside = f" beside {verdict.goal.peer}" if verdict.goal.peer else ""
            text += f"- {verdict.goal.row}{beside}: {reason}\n"
    for title, rows in sections:
        text += f"\n## {title[0].upper()}{title[1:]}\n\n"
        text += markdown(ROW_TITLES, [measured(row) for row in rows], right=(1, 3, 4)) if rows else "Not measured.\n"
        notes = dict.fromkeys((row["row"], row["note"]) for row in rows if row["note"])
        text += "".join(["\n"] + [f"- {name}: {note}\n" for name, note in notes]) if notes else ""
    return text


def write(path, text):
    """Whole or not at all."""
    beside = f"{path}.new"
    with open(beside, "w") as file:
        file.write(text)
    os.replace(beside, path)
