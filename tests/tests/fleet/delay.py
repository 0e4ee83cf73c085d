#!/usr/bin/env python3
"""A ProxyCommand of SSH: a link on which each byte takes 100 ms in each direction."""

import os
import queue
import socket
import sys
import threading
import time

DELAY = 0.1


def delayed(read, write):
    """Passes on what is read, later. Ends when the source or the target has ended."""
    waiting = queue.Queue()

    def receive():
        while data := read():
            waiting.put((time.monotonic() + DELAY, data))
        waiting.put((0, b""))

    threading.Thread(target=receive, daemon=True).start()
    while True:
        due, data = waiting.get()
        time.sleep(max(0, due - time.monotonic()))
        if not data:
            return
        write(data)


def main():
    link = socket.create_connection((sys.argv[1], int(sys.argv[2])))

    def up():
        delayed(lambda: os.read(0, 65536), link.sendall)
        link.shutdown(socket.SHUT_WR)

    threading.Thread(target=up, daemon=True).start()
    delayed(lambda: link.recv(65536), lambda data: os.write(1, data))


main()
