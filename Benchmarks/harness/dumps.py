"""Dumps of three databases, ours and the peers' in turn: time, CPU, memory, bytes; and what proof costs, in the same rounds."""

import json
import os
import shlex

from . import peers
from .measure import Command, interleave
from .rows import compare
from .server import emptied

RAW = "pg_dump -Fc -Z0 > /dev/null"
OURS = "archon-backupd backup"
DRILL_BY_HAND = "initdb, pg_restore and analyze by hand, nothing compared"
# The databases, what they hold in full and in a quick try, and what a reader must know of each.
SCALES = {"embeddings": (15_000, 300), "pgbench": (40, 1), "small": (1, 1)}
SMALL_ROUNDS = 5


class Dumps:
    """One database's rows. `binary` is ours; `folder` takes dumps and peers' repositories."""

    def __init__(self, server, binary, folder, database):
        self.server, self.binary, self.database = server, shlex.quote(binary), database
        self.folder = emptied(f"{folder}/{database}")
        self.config = f"{self.folder}/schedule.json"
        jobs = {"plain": {}, "source": {"proof": "source"}, "content": {"proof": "source-content"}}
        common = {"database": database, "calendar": "hourly", "retention": {"keepLast": 2}}
        with open(self.config, "w") as file:
            json.dump({
                "version": 1, "storage": {"root": f"{self.folder}/root", "state": f"{self.folder}/state", "minimumFree": "64MiB"},
                "servers": {"local": {"connection": f"host={server.socket} user=postgres"}},
                "databases": {name: common | options for name, options in jobs.items()}}, file, indent=1)

    def ours(self, name, *words):
        return Command(name, f"{self.binary} {' '.join(words)} --config {self.config}")

    def commands(self):
        """The commands of one round, in their order."""
        found = [self.ours(OURS, "backup", "plain"), Command(RAW, f"pg_dump -Fc -Z0 {self.database} > /dev/null"),
                 peers.old_script(f"{self.folder}/old", self.database)]
        if self.database == "embeddings":
            found += [self.ours("verify", "verify", "plain"), self.ours("source", "backup", "source"),
                      self.ours("source-content", "backup", "content"), self.ours("drill", "drill", "plain"), self.drill_by_hand()]
        if self.database == "small":
            return found
        found += [peers.autopostgresqlbackup(self.server, f"{self.folder}/auto", self.database),
                  peers.borgmatic(f"{self.folder}/borg", self.database),
                  peers.pgbackrest(self.server, f"{self.folder}/pgbackrest")]
        return [command for command in found if command]

    def drill_by_hand(self):
        """A server that is thrown away, the old script's newest dump restored, nothing compared."""
        place, run = f"{self.folder}/throwaway", f"cd / && {self.server.as_postgres}"
        options = f"-c listen_addresses= -c unix_socket_directories={place} -c fsync=off -c full_page_writes=off " \
                  "-c wal_level=minimal -c max_wal_senders=0"

        def before():
            os.chmod(emptied(place), 0o777)

        steps = [
            f"{run} initdb -N -U postgres -A trust -E UTF8 --no-locale -D {place}/data",
            f"{run} pg_ctl -D {place}/data -w -l {place}/log -o '{options}' start", f"createdb -h {place} copy",
            f"pg_restore -h {place} --exit-on-error -d copy $(ls -t {self.folder}/old/backup_* | head -1)",
            f"vacuumdb -h {place} -q --analyze-only copy", f"{run} pg_ctl -D {place}/data -m immediate stop", f"rm -rf {place}"]
        return Command(DRILL_BY_HAND, " && ".join(f"({step})" for step in steps), before)

    def rows(self, rounds, scale):
        self.server.make(self.database, scale)
        try:
            told = f"{self.server.copied_bytes(self.database) / 1e6:,.3g} MB of COPY text"
            if self.database == "small":
                rounds *= SMALL_ROUNDS
            commands = self.commands()
            # What is only so the first time (a folder is made, a catalog, caches are filled) is no peer's affair.
            interleave([command for command in commands if command.name in (OURS, RAW)], 1)
            costs = interleave(commands, rounds, self.server.pid, lambda _: self.server.change(self.database))
            return self.compared(costs, told)
        finally:
            self.server.drop(self.database)

    def compared(self, costs, told):
        """Rows of the costs by command's name."""
        mine = costs.pop(OURS)
        own = {name: costs.pop(name) for name in ("verify", "source", "source-content", "drill", DRILL_BY_HAND) if name in costs}
        found = []
        for part, unit, scale, names in (
            ("seconds", "s", 1, costs), ("cpu", "CPU s", 1, (RAW, peers.OLD_SCRIPT)),
            ("server_cpu", "CPU s", 1, (RAW, peers.OLD_SCRIPT)), ("peak", "MB", 1e-6, (RAW, peers.OLD_SCRIPT))):
            if part != "seconds" and self.database == "small":
                continue
            title = {"seconds": "dump of", "cpu": "CPU of a dump of", "server_cpu": "the server's CPU for a dump of",
                     "peak": "memory of a dump of"}[part]
            for name in names:
                figures = [[max(getattr(cost, part) * scale, 1e-9) for cost in side] for side in (mine, costs[name])]
                note = told if part == "seconds" else None
                found.append(compare(f"{title} {self.database}", figures[0], name, figures[1], unit, note))
        return found + self.proofs(own, mine, costs) + self.sizes()

    def proofs(self, own, mine, costs):
        """What the checks cost, beside the dump and beside plain pg_dump."""
        seconds = {name: [cost.seconds for cost in side] for name, side in (own | costs | {OURS: mine}).items()}
        found = []
        if "verify" in own:
            found.append(compare(f"verify of {self.database}", seconds["verify"], peers.OLD_SCRIPT, seconds[peers.OLD_SCRIPT], "s"))
        if "drill" in own:
            found.append(compare(f"drill of {self.database}", seconds["drill"], DRILL_BY_HAND, seconds[DRILL_BY_HAND], "s"))
        for name in ("source", "source-content"):
            if name in own:
                row = f'dump of {self.database}, "proof": "{name}"'
                found.append(compare(row, seconds[name], 'the same, "proof": "read"', seconds[OURS], "s"))
        return found

    def sizes(self):
        """The newest dump of ours beside the newest of the old script."""
        if self.database == "small":
            return []
        ours = max(used(path) for path in newest(f"{self.folder}/root/plain", ".dump"))
        old = max(used(path) for path in newest(f"{self.folder}/old", ".dump"))
        return [compare(f"size of a dump of {self.database}", [ours / 1e6], peers.OLD_SCRIPT, [old / 1e6], "MB")]


def newest(folder, ending):
    """One path: of the dump that was made last."""
    return sorted(f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(ending))[-1:]


def used(path):
    """Bytes of a file, or of all files of a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(f"{path}/{name}") for name in os.listdir(path))


def measured(server, binary, folder, database, rounds, quick):
    """The rows of one of SCALES."""
    full, small = SCALES[database]
    return Dumps(server, binary, folder, database).rows(rounds, small if quick else full)
