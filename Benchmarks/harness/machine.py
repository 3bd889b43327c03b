"""What the figures were measured on."""

import os
import subprocess


def said(*words):
    """The first line that a program says, or None when it is not there or fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else None


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else os.uname().machine


def memory():
    with open("/proc/meminfo") as file:
        return int(file.readline().split()[1]) * 1024


def system():
    with open("/etc/os-release") as file:
        return dict(line.rstrip().replace('"', "").split("=", 1) for line in file if "=" in line).get("PRETTY_NAME", "Linux")


def load():
    with open("/proc/loadavg") as file:
        return " ".join(file.read().split()[:3])


def facts(folder, binary, postgres, peers):
    """Pairs of name and value; `folder` is where data and dumps lie, `peers` the versions of those that were there."""
    virtual = said("systemd-detect-virt") or "none"
    disk = said("findmnt", "-n", "-o", "FSTYPE,SOURCE,SIZE", "-T", folder) or "unknown"
    commit = said("git", "-C", os.path.dirname(os.path.abspath(__file__)), "log", "-1", "--format=%h of %cs")
    return [
        ("processor", f"{processor()}, {os.cpu_count()} cores" + ("" if virtual == "none" else f", under {virtual}")),
        ("memory", f"{memory() / 1e9:.1f} GB"),
        ("disk", " ".join(disk.split())),
        ("system", f"{system()}, Linux {os.uname().release}"),
        ("archon-backupd", f"{said(binary, '--version') or 'unknown'}, {commit or 'of no repository'}"),
        ("PostgreSQL", f"{said(postgres + '/postgres', '--version')}, its server with fsync=off, 512 MB of shared buffers"),
        ("peers", "; ".join(peers) or "none could be had"),
    ]
