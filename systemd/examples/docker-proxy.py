#!/usr/bin/python3
"""What archon-backupd may ask of Docker: to look at the containers that are named, and to run programs in them as one user.

Docker's socket is root on the host: whoever may use it can start a container that mounts /. This listens on another socket
and passes on only what `docker exec` and `docker container inspect` need, for the containers named on the command line:

    docker-proxy.py --socket /run/archon-docker-proxy/docker.sock supabase-ai-db:postgres

No container can be made, started, stopped or changed, no image, volume or network be seen; a program runs as the user that is
named, whoever is asked for, never privileged, and only what this proxy has begun can be attached to. What remains: whoever has this socket may do
in those containers what that user may, which for a database's own user is everything with its data."""

import argparse
import json
import os
import re
import socket
import socketserver
import threading

LONGEST_HEAD = 64 << 10
LONGEST_BODY = 1 << 20


class Refused(Exception):
    pass


class Rules:
    """Decides on requests; remembers which programs it has let begin."""

    def __init__(self, users):
        self.users = users
        self.ids = {}
        self.begun = set()
        self.lock = threading.Lock()

    def container(self, text):
        name = text if text in self.users else self.ids.get(text)
        if name is None:
            raise Refused(f"the container {text} is not among those of this proxy")
        return name

    def check(self, method, path, body):
        """Returns the body to pass on, and what the answer is to be looked at for: None, "exec" or a container's name."""
        path = re.sub(r"^/v[0-9.]+", "", path.split("?")[0])
        if method in ("GET", "HEAD") and path in ("/_ping", "/version"):
            return body, None
        if "%" in path:
            raise Refused("this path is not among those of this proxy")
        if found := re.fullmatch(r"/containers/([A-Za-z0-9_.-]+)/json", path):
            if method == "GET":
                return body, self.container(found[1])
        if found := re.fullmatch(r"/containers/([A-Za-z0-9_.-]+)/exec", path):
            if method == "POST":
                return self.program(self.container(found[1]), body), "exec"
        if found := re.fullmatch(r"/exec/([0-9a-f]{64})/(start|json)", path):
            with self.lock:
                if found[1] not in self.begun:
                    raise Refused("this program was not begun here")
            if method == ("POST" if found[2] == "start" else "GET"):
                return body, None
        raise Refused(f"{method} {path} is not among what this proxy lets through")

    def program(self, name, body):
        wanted = json.loads(body)
        if not isinstance(wanted, dict):
            raise Refused("the program is not described by an object")
        if wanted.get("Privileged") or wanted.get("Tty"):
            raise Refused("no privileged program and no terminal")
        # Written anew: what is not known here, in whatever letters, does not come through.
        known = ("AttachStdin", "AttachStdout", "AttachStderr", "Detach", "Env", "WorkingDir", "Cmd")
        return json.dumps({key: wanted[key] for key in known if key in wanted} | {"User": self.users[name]}).encode()

    def note(self, kind, answer):
        """Looks at an answer of Docker: the number of a program, or of a container."""
        try:
            number = json.loads(answer).get("Id", "")
        except ValueError:
            return
        with self.lock:
            if kind == "exec":
                self.begun.add(number)
            else:
                self.ids[number] = kind


def read_head(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(LONGEST_HEAD)
        head += line
        if not line or len(head) > LONGEST_HEAD:
            return None
    return head


def field(head, name):
    found = re.findall(rb"(?im)^" + name + rb":[ \t]*([^\r\n]*?)[ \t]*\r$", head)
    if len(found) > 1:
        raise Refused("a header field stands twice")
    return found[0].decode() if found else ""


def read_body(stream, head):
    if field(head, b"transfer-encoding"):
        raise Refused("a body must say how long it is")
    length = int(field(head, b"content-length") or 0)
    if length > LONGEST_BODY:
        raise Refused("the body is too long")
    return stream.read(length)


def copy(source, target):
    """Until the source ends; then the target is told so."""
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Connection(socketserver.StreamRequestHandler):
    rbufsize = 0  # nothing of a program's input may be left behind in a buffer

    def handle(self):
        while (head := read_head(self.rfile)) is not None:
            try:
                if re.search(rb"\r\n[ \t]|\n[^\r\n]*[^\r]\n", head):
                    raise Refused("a head that is not of whole lines")
                method, path = head.split(b" ", 2)[0].decode(), head.split(b" ", 2)[1].decode()
                body = read_body(self.rfile, head)
                passed, kind = self.server.rules.check(method, path, body)
                head = re.sub(rb"(?im)^content-length:[^\r\n]*", b"Content-Length: %d" % len(passed), head)
            except (Refused, ValueError, IndexError, UnicodeDecodeError) as refusal:
                return self.refuse(str(refusal))
            if not self.forward(head, passed, kind):
                return

    def refuse(self, text):
        body = json.dumps({"message": f"archon-docker-proxy: {text}"}).encode()
        print(text, flush=True)
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def forward(self, head, body, kind):
        """True when the connection can be used again."""
        with socket.socket(socket.AF_UNIX) as docker:
            docker.connect(self.server.docker)
            if field(head, b"upgrade"):
                docker.sendall(head + body)
                return self.attach(docker)
            plain = re.sub(rb"(?im)^connection:[^\r\n]*\r\n", b"", head)
            docker.sendall(plain[:-2] + b"Connection: close\r\n\r\n" + body)
            answer = b""
            while data := docker.recv(1 << 16):
                answer += data
            if kind is not None:
                self.server.rules.note(kind, unchunked(answer))
            self.wfile.write(answer)
        return False

    def attach(self, docker):
        """The program's streams, in both directions, until both have ended."""
        inward = threading.Thread(target=copy, args=(self.request, docker), daemon=True)
        inward.start()
        copy(docker, self.request)
        return False


def unchunked(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    if not re.search(rb"(?im)^transfer-encoding:[ \t]*chunked", head):
        return body
    whole = b""
    while body:
        length, _, body = body.partition(b"\r\n")
        count = int(length.split(b";")[0] or b"0", 16)
        whole, body = whole + body[:count], body[count + 2:]
        if count == 0:
            break
    return whole


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def tell_manager(state):
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state, "\0" + address[1:] if address[0] == "@" else address)


def main():
    parser = argparse.ArgumentParser(description="A narrow way to Docker for archon-backupd.")
    parser.add_argument("--socket", required=True, help="where to listen")
    parser.add_argument("--docker", default="/run/docker.sock", help="Docker's own socket")
    parser.add_argument("containers", nargs="+", metavar="CONTAINER:USER")
    options = parser.parse_args()
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    with Server(options.socket, Connection) as server:
        server.docker = options.docker
        server.rules = Rules(dict(container.split(":", 1) for container in options.containers))
        tell_manager(b"READY=1")
        server.serve_forever()


if __name__ == "__main__":
    main()
