"""A PostgreSQL of our own on a private socket, and the databases that are backed up.

It runs with fsync=off: its disk is not what is measured, and all peers read the same server. Those who write dumps write them
through to the disk as they always do.
"""

import glob
import os
import pwd
import shutil
import subprocess

PAGES = """
    SELECT setseed(0.5);
    CREATE TABLE archon_crawled_pages AS
    SELECT g AS id, 'https://example.org/' || g AS url, repeat(md5(g::text), 20) AS content,
      (SELECT array_agg((random() * 0.2 - 0.1)::real) FROM generate_series(1, 1536) WHERE g > 0) AS embedding
    FROM generate_series(1, {pages}) g;
    ALTER TABLE archon_crawled_pages ADD PRIMARY KEY (id);
    -- As little is gathered of a vector as of this column; of a plain array ANALYZE counts every element, for seconds.
    ALTER TABLE archon_crawled_pages ALTER embedding SET STATISTICS 0;
"""
SMALL = "CREATE TABLE settings AS SELECT g AS id, 'value ' || g AS value FROM generate_series(1, 100) g"


def tools():
    """The folder of the newest server's programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[4]))
    if not found:
        raise SystemExit("bench: no PostgreSQL under /usr/lib/postgresql")
    return found[-1]


class Server:
    """Running from the begin of a `with` to its end, and the one that every client then speaks to by default.

    `as_postgres` is what a shell command begins with that PostgreSQL's user runs.
    """

    def __init__(self, folder):
        self.tools = tools()
        self.socket = f"{folder}/cluster"
        self.data = f"{self.socket}/data"
        self.environment = dict(os.environ)
        self.as_postgres = "setpriv --reuid=postgres --regid=postgres --init-groups " if os.getuid() == 0 else ""

    def __enter__(self):
        os.mkdir(self.socket)
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root; everything else here runs as whoever called.
            user = pwd.getpwnam("postgres")
            os.chown(self.socket, user.pw_uid, user.pw_gid)
        words = ["-N", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", self.data]
        self.control(f"{self.tools}/initdb", *words)
        settings = f"-c listen_addresses= -c unix_socket_directories={self.socket} -c fsync=off -c max_wal_size=4GB " \
                   "-c shared_buffers=512MB"
        self.control(f"{self.tools}/pg_ctl", "-D", self.data, "-w", "-l", f"{self.socket}/log", "-o", settings, "start")
        os.environ |= {"PGHOST": self.socket, "PGUSER": "postgres", "PATH": f"{self.tools}:{os.environ['PATH']}"}
        with open(f"{self.data}/postmaster.pid") as file:
            self.pid = int(file.readline())
        return self

    def __exit__(self, *_):
        self.control(f"{self.tools}/pg_ctl", "-D", self.data, "-m", "immediate", "stop")
        os.environ.clear()
        os.environ.update(self.environment)

    def control(self, *words):
        subprocess.run([*self.as_postgres.split(), *words], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def sql(self, database, *texts):
        """What the last of the texts answers, unaligned; one that fails ends the run."""
        words = [word for text in texts for word in ("-c", text)]
        done = subprocess.run([f"{self.tools}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, *words],
                              check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def make(self, database, scale):
        """A database by name: `embeddings` with `scale` pages, `pgbench` of that scale, `small` of one table."""
        self.sql("postgres", f"CREATE DATABASE {database}")
        if database == "pgbench":
            subprocess.run([f"{self.tools}/pgbench", "-i", "-q", "-s", str(scale), database], check=True, capture_output=True)
        else:
            self.sql(database, PAGES.format(pages=scale) if database == "embeddings" else SMALL)
        self.sql(database, "VACUUM ANALYZE", "CHECKPOINT")

    def change(self, database):
        """A row of every table is another now: no dump finds a table as the one before had it."""
        changes = {
            "embeddings": ["UPDATE archon_crawled_pages SET content = content || '.' WHERE id = 1"],
            "pgbench": [f"UPDATE pgbench_{table} SET {letter}balance = {letter}balance + 1 WHERE {letter}id = 1"
                        for table, letter in (("accounts", "a"), ("branches", "b"), ("tellers", "t"))],
            "small": ["UPDATE settings SET value = value || '.' WHERE id = 1"],
        }
        self.sql(database, *changes[database], "CHECKPOINT")

    def drop(self, database):
        self.sql("postgres", f"DROP DATABASE {database}", "CHECKPOINT")

    def copied_bytes(self, database):
        """Of the script that pg_dump writes, nearly all of it COPY text."""
        dump = subprocess.Popen([f"{self.tools}/pg_dump", database], stdout=subprocess.PIPE)
        total = sum(len(piece) for piece in iter(lambda: dump.stdout.read(1 << 20), b""))
        if dump.wait() != 0:
            raise SystemExit(f"bench: pg_dump of {database} failed")
        return total


def emptied(folder):
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder
