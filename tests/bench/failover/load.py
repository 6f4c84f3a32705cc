# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client outside the nodes (sync_probe.py) and what its ledger says: how long nobody was answered, and whether all that was answered is there."""

import signal
import subprocess
import sys
import time

from cluster import sync_ledger

BEFORE_S = 0.3  # the last answer before an event is at most so old


class Load:
    def __init__(self, trio, host):
        self.trio, self.path = trio, trio.folder / "probe.txt"
        self.process = trio.client_start([sys.executable, str(sync_ledger.PROBE), host, str(sync_ledger.PORT), str(self.path)])

    def answers(self, since=0.0):
        """[(number, monotonic seconds)] since then, in the order of the answers; a last line without its end was no answer."""
        text = self.path.read_text() if self.path.exists() else ""
        lines = (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))
        return [(int(number), float(at)) for number, at in lines if float(at) >= since]

    def wait_answer(self, since, limit_s):
        """The first answer after `since`."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            found = self.answers(since)
            if found:
                return found[0][1]
            time.sleep(0.1)
        raise TimeoutError(f"no write was answered for {limit_s:.0f} s")

    def longest_gap(self, begin, end):
        times = [begin] + [at for _, at in self.answers(begin) if at <= end] + [end]
        return max(after - before for before, after in zip(times, times[1:]))

    def missing(self, vm):
        """The acknowledged numbers that are not in the file on the mount."""
        acknowledged = {number for number, _ in self.answers()}  # first: the client goes on
        there = {int(line) for line in vm.get(sync_ledger.FILE).split() if line.isdigit()}
        return sorted(acknowledged - there)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
