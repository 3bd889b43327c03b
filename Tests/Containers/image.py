#!/usr/bin/env python3
"""image.py [--busybox] BIN: writes a tar on stdout that `docker import` takes for an image of PostgreSQL, like the official
one but made of the files that are installed here; BIN is the folder with its programs. With --busybox the shell and the
commands beside PostgreSQL are busybox's, as on Alpine."""
import glob
import io
import os
import subprocess
import sys
import tarfile

busybox = "--busybox" in sys.argv
bin = os.path.realpath(sys.argv[-1])
major = bin.split("/")[-2]
here = os.path.dirname(os.path.abspath(__file__))

programs = "postgres psql createdb pg_dump pg_restore pg_dumpall initdb pg_ctl pg_isready pg_controldata".split()
commands = """tar cat mkdir mkfifo rm rmdir stat df du sleep kill timeout mv cp ln head id ls chmod chown mktemp sha256sum tail dd wc
 env tr touch date sort od cut find grep sed test true false ps readlink""".split()
wanted = [f"{bin}/{name}" for name in programs]
wanted += [p for p in glob.glob(f"/usr/lib/postgresql/{major}/lib/*.so") if "llvmjit" not in p]  # LLVM alone is 110 MB
wanted += ["/bin/bash", "/usr/bin/setpriv"] + glob.glob("/lib/x86_64-linux-gnu/libnss_files*")
wanted += ["/bin/busybox"] if busybox else ["/bin/dash", "/usr/bin/getent"] + [f"/usr/bin/{name}" for name in commands]

elf = [p for p in wanted if os.path.exists(p) and open(p, "rb").read(4) == b"\x7fELF"]
for line in subprocess.run(["ldd", *elf], capture_output=True, text=True).stdout.splitlines():
    wanted += [word for word in line.split() if word.startswith("/") and not word.endswith(":")]

share = f"/usr/share/postgresql/{major}"
for folder in [share, "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8"]:
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("man", "posix", "right")]
        wanted += [f"{base}/{name}" for name in files]

tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.GNU_FORMAT)
seen = set()


def add(name, mode, content=b"", kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.linkname, entry.size = mode, kind, link, len(content)
    tar.addfile(entry, io.BytesIO(content))


def folder(name, mode=0o755):
    if name and name not in seen:
        seen.add(name)
        folder(os.path.dirname(name))
        add(name, mode, kind=tarfile.DIRTYPE)


for name in ("bin", "sbin", "lib", "lib64"):
    folder(f"usr/{name}")
    add(name, 0o777, kind=tarfile.SYMTYPE, link=f"usr/{name}")
folder("tmp", 0o1777)
folder("var/tmp", 0o1777)
for name in ("proc", "sys", "dev", "run", "root", "var/lib/postgresql/data", "var/run/postgresql"):
    folder(name)
for path in dict.fromkeys(wanted):
    # By way of a link to a folder or not: /lib is /usr/lib, and each file comes once.
    place = f"{os.path.realpath(os.path.dirname(path))}/{os.path.basename(path)}"
    if place in seen or not os.path.isfile(path):
        continue
    seen.add(place)
    folder(os.path.dirname(place).lstrip("/"))
    with open(path, "rb") as file:
        add(place.lstrip("/"), os.stat(path).st_mode & 0o777, file.read())
for name in (["sh", "awk"] + commands if busybox else []):
    add(f"usr/bin/{name}", 0o777, kind=tarfile.SYMTYPE, link="busybox")
if not busybox:
    add("usr/bin/sh", 0o777, kind=tarfile.SYMTYPE, link="dash")
folder("etc")
add("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/bash\n")
add("etc/group", 0o644, b"root:x:0:\npostgres:x:999:\n")
with open(f"{here}/entrypoint.sh", "rb") as file:
    add("entrypoint.sh", 0o755, file.read())
tar.close()
