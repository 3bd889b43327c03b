"""A daemon that does nothing: says READY=1 and feeds the watchdog. For daemon.py, as the measure of a start."""

import os
import socket
import time

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
manager.send(b"READY=1")
while True:
    time.sleep(60)
    manager.send(b"WATCHDOG=1")
