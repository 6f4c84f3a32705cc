#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of sync_ledger.py that is not held up by a server that died: sync_probe.py HOST PORT FILE.

Sends numbers from 1 on and writes "NUMBER MONOTONIC-SECONDS" to FILE after each answer, like sync_client.py. When an answer is late it asks beside the silent
connection over a new one, each LATE_S, with a new number each time; whoever answers first is kept. So a stall that ends is seen at once on the old connection,
and a new server at the latest LATE_S after its address is there. A number whose outcome is unknown is not sent again and is not in FILE. FILE.ended has the
time of each end of a connection that had answered: a server that stops in order tells its clients, one that dies does not.
"""

import os
import selectors
import signal
import socket
import sys
import time

LATE_S = 0.1
MOST = 40       # connections that wait at a time: what one address resolution may hold up for seconds
PACE_S = 0.02


class Asked:
    """A connection on which one number was asked, or will be when it is made."""

    def __init__(self, address, number):
        self.number, self.sent, self.answer = number, False, b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = self.socket.connect_ex(address)
        self.dead = error not in (0, 115)  # EINPROGRESS

    def ask(self, number):
        self.number, self.answer = number, b""
        self.socket.send(f"{number}\n".encode())
        self.sent = True

    def goes_on(self):
        """After select() named it: True when its answer is there; OSError when it is over."""
        if not self.sent:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
            self.ask(self.number)
            return False
        piece = self.socket.recv(64)
        if not piece:
            raise ConnectionResetError
        self.answer += piece
        return self.answer.endswith(b"\n")


class Probe:
    def __init__(self, address, path):
        self.address = address
        self.out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.ended = os.open(f"{path}.ended", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.number, self.waiting, self.asked_at, self.kept = 0, [], 0.0, None
        self.stop = False

    def drop(self, asked):
        asked.socket.close()
        self.waiting.remove(asked)

    def one_more(self):
        if len(self.waiting) >= MOST:
            self.drop(self.waiting[1])  # the first may be one that only stalls
        self.number += 1
        asked = Asked(self.address, self.number)
        self.asked_at = time.monotonic()
        if asked.dead:
            asked.socket.close()
        else:
            self.waiting.append(asked)

    def look(self, limit_s):
        """Waits for the first answer for so long; returns the connection that gave it."""
        with selectors.DefaultSelector() as selector:
            for asked in self.waiting:
                selector.register(asked.socket, selectors.EVENT_READ if asked.sent else selectors.EVENT_WRITE, asked)
            for key, _ in selector.select(max(limit_s, 0)) if self.waiting else ():
                try:
                    if key.data.goes_on():
                        return key.data
                except OSError:
                    if key.data is self.kept:
                        os.write(self.ended, f"{time.monotonic():.3f}\n".encode())
                    self.drop(key.data)
        if not self.waiting:
            time.sleep(max(0.0, min(limit_s, 0.02)))
        return None

    def run(self):
        while not self.stop:
            answered = self.look(self.asked_at + LATE_S - time.monotonic())
            if answered:
                self.kept = answered
                os.write(self.out, f"{answered.number} {time.monotonic():.3f}\n".encode())
                for other in [w for w in self.waiting if w is not answered]:
                    self.drop(other)
                time.sleep(PACE_S)
                self.number += 1
                self.asked_at = time.monotonic()
                try:
                    answered.ask(self.number)
                except OSError:
                    self.drop(answered)
            elif time.monotonic() >= self.asked_at + LATE_S:
                self.one_more()


def main():
    host, port, path = sys.argv[1:4]
    probe = Probe((host, int(port)), path)

    def end(*_):
        probe.stop = True

    signal.signal(signal.SIGTERM, end)
    probe.run()


if __name__ == "__main__":
    main()
