"""Runs commands in turn, and says what each took: time, CPU with that of all its children, the server's, memory of its whole tree.

Memory is the sum of what the processes of a tree have resident, looked at fifty times a second: pages that two of them share
count twice, and a peak shorter than that may be missed. Ours and the peers' are looked at alike.
"""

import dataclasses
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

LOOK_SECONDS = 0.02
LIMIT_SECONDS = 900
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command that could not be measured."""


@dataclasses.dataclass(frozen=True)
class Command:
    """`shell` is what is timed, `before` is called ahead of it, and when an `optional` one fails the others go on without it."""

    name: str
    shell: str
    before: object = None
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class Cost:
    seconds: float
    cpu: float
    server_cpu: float
    peak: int


def talk(text):
    """On stderr: stdout is the answer."""
    print(text, file=sys.stderr, flush=True)


def children_of(pid):
    """The processes that its threads have begun and that are there still."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        # It has ended while it was looked at.
        pass
    return found


def tree_of(pid):
    found = [pid]
    for one in found:
        found += children_of(one)
    return found


def resident(pid):
    """Bytes, of the process and all below it."""
    total = 0
    for one in tree_of(pid):
        try:
            with open(f"/proc/{one}/statm") as file:
                total += int(file.read().split()[1]) * PAGE
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def ticks_of(pid, reaped):
    """CPU of a process, with `reaped` that of its children which it has waited for too."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(word) for word in fields[11:15 if reaped else 13])


def server_seconds(postmaster):
    """CPU of a server since its start: its own, of backends that ended, of those that live. 0 where there is none."""
    if postmaster is None:
        return 0
    return (ticks_of(postmaster, True) + sum(ticks_of(child, False) for child in children_of(postmaster))) / TICKS


def run(command, postmaster=None):
    """The cost of one command, which gets no input and whose output goes nowhere."""
    if command.before:
        command.before()
    # Nobody pays for what another has written.
    os.sync()
    with tempfile.TemporaryFile("w+") as talked:
        server = server_seconds(postmaster)
        began = time.perf_counter()
        process = subprocess.Popen(["sh", "-c", command.shell], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=talked)
        try:
            peak, seconds = watch(process.pid, began)
        except BaseException:
            # Whoever ends us ends what we have begun.
            kill(process.pid)
            process.wait()
            raise
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        server = server_seconds(postmaster) - server
        if process.returncode != 0:
            talked.seek(0)
            raise Failed(f"exit {process.returncode} of {command.name}: {command.shell}\n{talked.read()[-2000:]}")
    return Cost(seconds, used.ru_utime + used.ru_stime, server, peak)


def kill(pid):
    """Ends it and all below it; the lowest first, so that no parent begins another."""
    for one in reversed(tree_of(pid)):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def watch(pid, began):
    """The peak of its tree, and the seconds until it ended; an end is seen at once, it is not waited for by turns."""
    peak = 0
    descriptor = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        while not ended.poll(LOOK_SECONDS * 1000):
            peak = max(peak, resident(pid))
            if time.perf_counter() - began > LIMIT_SECONDS:
                kill(pid)
        return peak, time.perf_counter() - began
    finally:
        os.close(descriptor)


def interleave(commands, rounds, postmaster=None, each_round=None):
    """The costs of each command by its name, a cost a round: in every round each runs once, so that noise meets all alike.

    A command that is optional and fails is left out of what is said, with a word on stderr.
    """
    costs = {command.name: [] for command in commands}
    for number in range(rounds):
        if each_round:
            each_round(number)
        for command in commands:
            if command.name not in costs:
                continue
            try:
                costs[command.name].append(run(command, postmaster))
            except Failed as failure:
                if not command.optional:
                    raise
                talk(f"bench: left out, {failure}")
                del costs[command.name]
                continue
            talk(f"  {number + 1}/{rounds}  {costs[command.name][-1].seconds:8.3f} s  {command.name}")
    return costs
