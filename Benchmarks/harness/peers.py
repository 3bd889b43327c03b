"""The peers: where each comes from, its version, and the shell command that backs one database up with it.

What is not there is left out with a word. What PyPI has and the script of autopostgresqlbackup go to .build/bench, which
`make clean` removes: nothing but borg, restic and pgBackRest is installed, and no job of cron begins on this host.
"""

import glob
import os
import shlex
import shutil
import subprocess
import sys

from .machine import said
from .measure import Command, talk
from .server import emptied

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = f"{TOP}/.build/bench"
OLD_SCRIPT = "the old script: pg_dump -Fc > file, ls -t | tail | xargs rm"
AUTO = "autopostgresqlbackup"
BORG = "borgmatic with borg"
PGBACKREST = "pgBackRest, full, of the whole cluster"


def install():
    """Debian's peers, as far as they can be had."""
    if all(shutil.which(name) for name in ("borg", "restic", "pgbackrest")):
        return
    if subprocess.run(["sh", f"{TOP}/scripts/deps.sh", f"{TOP}/Benchmarks/packages.txt"], stdout=sys.stderr).returncode != 0:
        talk("bench: the packages of Benchmarks/packages.txt could not be installed: their peers are left out")


def from_pypi(package):
    """The folder of the programs of a virtual environment that has this package, or None."""
    programs = f"{CACHE}/venv/bin"
    try:
        if not os.path.exists(f"{programs}/pip"):
            subprocess.run([sys.executable, "-m", "venv", f"{CACHE}/venv"], check=True, stdout=sys.stderr)
        subprocess.run([f"{programs}/pip", "install", "-q", "--disable-pip-version-check", package], check=True, stdout=sys.stderr)
    except (subprocess.CalledProcessError, OSError):
        talk(f"bench: {package} could not be installed: left out")
        return None
    return programs


def from_debian(package):
    """The folder with the files of a Debian package that is unpacked, not installed, or None."""
    folder = f"{CACHE}/{package}"
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", package]
        fetched = subprocess.run(download, cwd=CACHE, stdout=sys.stderr).returncode == 0
        archives = glob.glob(f"{CACHE}/{package}_*.deb")
        if not fetched or not archives or subprocess.run(["dpkg-deb", "-x", archives[0], folder]).returncode != 0:
            talk(f"bench: {package} could not be had from Debian: left out")
            return None
    return folder


def old_script(folder, database):
    """Keeps two, as the others do; its dump is not synced, not read, not named before it is whole."""
    emptied(folder)
    file = f"{folder}/backup_{database}_$(date +%Y%m%d_%H%M%S).dump"
    return Command(OLD_SCRIPT, f"pg_dump -Fc {database} > {file} && ls -t {folder}/backup_* | tail -n +3 | xargs -r rm")


def autopostgresqlbackup(server, folder, database):
    unpacked = from_debian(AUTO)
    if unpacked is None:
        return None
    emptied(folder)
    script, settings = f"{folder}/script", f"{folder}/settings"
    with open(f"{unpacked}/usr/sbin/autopostgresqlbackup") as file:
        text = file.read().replace("/etc/default/autopostgresqlbackup", settings)
    with open(script, "w") as file:
        file.write(text)
    with open(f"{unpacked}/etc/default/autopostgresqlbackup") as file:
        text = file.read()
    # Later lines win. Its own default goes through a login of the postgres user, which would be looked for on the usual socket.
    with open(settings, "w") as file:
        file.write(f"{text}\nSU_USERNAME=\nDBHOST={server.socket}\nDBNAMES={database}\nMDBNAMES=\nBACKUPDIR={folder}/backups\n"
                   "MAILCONTENT=stdout\n")
    return Command(AUTO, f"bash {script}", optional=True)


def borgmatic(folder, database):
    """Its own way with PostgreSQL: pg_dump -Fc, streamed into borg. The repository lives on from round to round.

    The server is named by $PGHOST: borgmatic 2.1 takes the path of a socket for one to put its named pipe at.
    """
    programs = from_pypi("borgmatic") if shutil.which("borg") else None
    if programs is None:
        return None
    emptied(folder)
    config = f"{folder}/config.yaml"
    with open(config, "w") as file:
        file.write(f"""
repositories:
  - path: {folder}/repository
    label: bench
borg_base_directory: {folder}/base
user_runtime_directory: {folder}/runtime
user_state_directory: {folder}/state
unknown_unencrypted_repo_access_is_ok: true
relocated_repo_access_is_ok: true
postgresql_databases:
  - name: {database}
    username: postgres
""")
    call = f"{programs}/borgmatic --config {config} --verbosity -1"
    made = subprocess.run([*shlex.split(call), "repo-create", "--encryption", "none"], capture_output=True, text=True)
    if made.returncode != 0:
        talk(f"bench: borgmatic makes no repository: left out\n{made.stdout}{made.stderr}")
        return None
    return Command(BORG, f"{call} create", optional=True)


def pgbackrest(server, folder):
    """Copies the files of the whole cluster, on all cores; no archive of WAL is kept here, which it would want."""
    if not shutil.which("pgbackrest"):
        return None
    emptied(folder)
    os.chmod(folder, 0o777)
    options = f"--stanza=bench --pg1-path={server.data} --pg1-socket-path={server.socket} --pg1-user=postgres --no-config " \
              f"--repo1-path={folder}/repository --log-path={folder}/log --lock-path={folder}/lock --log-level-console=warn"
    call = f"cd / && {server.as_postgres}pgbackrest {options}"
    made = subprocess.run(["sh", "-c", f"{call} --no-online stanza-create"], capture_output=True, text=True)
    if made.returncode != 0:
        talk(f"bench: pgBackRest makes no stanza: left out\n{made.stdout}{made.stderr}")
        return None
    backup = f"{call} --type=full --start-fast --no-archive-check --repo1-retention-full=2 --process-max={os.cpu_count()} backup"
    return Command(PGBACKREST, backup, optional=True)


def versions():
    """A line for each of those that are here."""
    package = "autopostgresqlbackup"
    archives = glob.glob(f"{CACHE}/{package}_*.deb")
    borgmatic_version = said(f"{CACHE}/venv/bin/borgmatic", "--version")
    return [text for text in (
        said("borg", "--version"), borgmatic_version and f"borgmatic {borgmatic_version}", said("pgbackrest", "version"),
        (said("restic", "version") or "").partition(" compiled")[0],
        archives and f"{package} {os.path.basename(archives[0]).split('_')[1]}") if text]
