#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client of sync_ledger.py: sync_client.py HOST PORT FILE.

Sends numbers from 1 on, one after the other, and writes "NUMBER MONOTONIC-SECONDS" to FILE after each answer. One whose outcome is unknown
(the connection died) is not sent again and is not in FILE. Reconnects for ever; SIGTERM ends it.
"""

import os
import signal
import socket
import sys
import time

stop = False


def ask_stop(*_):
    global stop
    stop = True


def main():
    host, port, path = sys.argv[1:4]
    signal.signal(signal.SIGTERM, ask_stop)
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    number, connection = 0, None
    while not stop:
        try:
            if connection is None:
                connection = socket.create_connection((host, int(port)), timeout=0.5)
                connection.settimeout(3.0)  # a node that died says nothing
            number += 1
            connection.sendall(f"{number}\n".encode())
            answer = b""
            while not answer.endswith(b"\n"):
                more = connection.recv(64)
                if not more:
                    raise ConnectionResetError
                answer += more
            os.write(out, f"{number} {time.monotonic():.3f}\n".encode())
            time.sleep(0.01)
        except OSError:
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.05)


if __name__ == "__main__":
    main()
