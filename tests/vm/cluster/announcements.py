#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is announced on the clients' network: gratuitous ARP and unsolicited neighbour advertisements, as a machine outside the nodes sees them.

As a program (announcements.py INTERFACE FILE, inside the bed's namespace) it writes one line "MONOTONIC-SECONDS ADDRESS MAC" for each.
"""

import ipaddress
import os
import signal
import socket
import sys
import time
from pathlib import Path


def announced(frame):
    """(address, mac) of a frame that announces one, else None."""
    mac = frame[6:12].hex(":")
    if frame[12:14] == b"\x08\x06" and frame[28:32] == frame[38:42] and any(frame[28:32]):
        return str(ipaddress.ip_address(frame[28:32])), mac
    # ICMPv6 136 to all nodes: nobody asked
    if frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136 and frame[38:54] == ipaddress.ip_address("ff02::1").packed:
        return str(ipaddress.ip_address(frame[62:78])), mac
    return None


def main():
    interface, path = sys.argv[1:3]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # every protocol
    s.bind((interface, 0))
    while True:
        found = announced(s.recv(2048))
        if found:
            os.write(out, f"{time.monotonic():.3f} {found[0]} {found[1]}\n".encode())


class Announcements:
    """The running listener."""

    def __init__(self, trio):
        self.path = trio.folder / "announcements.txt"
        self.process = trio.client_start(["/usr/bin/python3", str(Path(__file__).resolve()), "lan", str(self.path)])

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def of(self, address, mac, since=0.0):
        """Times at which `mac` announced `address`; what came within half a second is one."""
        times = []
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            at, *who = line.split()
            if who == [address, mac] and float(at) >= since and (not times or float(at) - times[-1] > 0.5):
                times.append(float(at))
        return times


if __name__ == "__main__":
    main()
