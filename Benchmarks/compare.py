"""Times commands beside each other: in every round each once, one after the other, so that noise meets all alike.

usage: compare.py ROUNDS TITLE NAME COMMAND [NAME COMMAND]...

A line for each: the median of the rounds, the fastest and the slowest, and the median over the rounds of the first
command's time divided by this one's. $BEFORE, a command, is run before each of them and not timed.
"""

import os
import statistics
import subprocess
import sys
import time


def shell(command):
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"compare: exit {done.returncode} of: {command}\n{done.stderr}")


def seconds(command):
    if before := os.environ.get("BEFORE"):
        shell(before)
    began = time.perf_counter()
    shell(command)
    return time.perf_counter() - began


def main():
    rounds, title, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    commands = list(zip(words[::2], words[1::2], strict=True))
    times = {name: [] for name, _ in commands}
    for _ in range(rounds):
        for name, command in commands:
            times[name].append(seconds(command))
    first = times[commands[0][0]]
    print(f"\n{title} ({rounds} rounds)")
    for name, found in times.items():
        ratio = statistics.median(ours / theirs for ours, theirs in zip(first, found, strict=True))
        line = f"  {name:44} {statistics.median(found):8.3f} s  ({min(found):.3f} to {max(found):.3f})"
        print(line if found is first else f"{line}  ours is {ratio:.2f} of it", flush=True)


main()
