# SPDX-License-Identifier: LGPL-2.1-or-later
"""The smallest service that promises something: a number is answered after it was appended to a file on the mount and is durable.

In the guests a systemd unit, a small program (sync-ledger.c); outside them sync_client.py, which writes down each acknowledged number with its time, or sync_probe.py, which
is not held up by a connection that says nothing.
"""

import os
import signal
import subprocess
from pathlib import Path

from vmbed import settings

from .cluster import MOUNT, Failed

UNIT = "sync-ledger.service"
PORT = 7000
FILE = f"{MOUNT}/ledger"
CLIENT = Path(__file__).resolve().parent / "sync_client.py"
PROBE = Path(__file__).resolve().parent / "sync_probe.py"

SERVER = settings.TOP / os.environ.get("BUILD", "build") / "tests/vm/sync-ledger"


def install(vm):
    vm.put("/usr/local/sbin/sync-ledger", SERVER.read_bytes())
    vm.put(f"/etc/systemd/system/{UNIT}", f"[Service]\nExecStart=/usr/local/sbin/sync-ledger {FILE} {PORT}\n".encode())
    vm.check(f"chmod 755 /usr/local/sbin/sync-ledger && chmod 644 /etc/systemd/system/{UNIT} && systemctl daemon-reload")


class Ledger:
    """The running client."""

    def __init__(self, trio, host, client=CLIENT):
        self.path = trio.folder / "sync-ledger.txt"
        self.process = trio.client_start(["/usr/bin/python3", str(client), host, str(PORT), str(self.path)])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def acknowledged(self):
        """[(number, monotonic seconds)]; a last line without its end was never acknowledged to anybody."""
        text = self.path.read_text() if self.path.exists() else ""
        lines = (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))
        return [(int(number), float(at)) for number, at in lines]

    def last(self):
        return max((at for _, at in self.acknowledged()), default=0.0)

    def ends(self, start, end):
        """How many connections that had answered were ended by the server meanwhile (PROBE only)."""
        return sum(start <= float(line) <= end for line in Path(f"{self.path}.ended").read_text().split())

    def longest_gap(self, start, end):
        """The longest time without an acknowledgement from `start` to `end`."""
        times = [start] + [at for _, at in self.acknowledged() if start <= at <= end] + [end]
        return max(after - before for before, after in zip(times, times[1:]))

    def compare(self, vm):
        """Every acknowledged number is in the file on the mount; returns how many they are."""
        acknowledged = {number for number, _ in self.acknowledged()}  # first: the client goes on
        there = {int(line) for line in vm.check(f"cat {FILE}").split() if line.isdigit()}
        lost = sorted(acknowledged - there)
        if lost:
            raise Failed(f"{len(lost)} acknowledged writes are lost, the first: {lost[:5]}")
        return len(acknowledged)
