# SPDX-License-Identifier: LGPL-2.1-or-later
"""A web server outside the nodes that takes notices, and refuses each as often as it is told to."""

import json
import os
from pathlib import Path

from vmbed.net import CLIENT_ADDRESS

PORT = 8480
URL = f"http://{CLIENT_ADDRESS}:{PORT}/told"
SERVER = Path(__file__).resolve().parent / "webhook_server.py"


class Webhook:
    """The running server."""

    def __init__(self, trio):
        self.log, self._refusals = trio.folder / "webhook.log", trio.folder / "webhook.refusals"
        self.refuse(0)
        self.process = trio.client_start(["/usr/bin/python3", str(SERVER), CLIENT_ADDRESS, str(PORT), str(self.log), str(self._refusals)])

    def refuse(self, times):
        """From now on each notice is answered with 500 that many times in all, then with 200."""
        new = self._refusals.with_suffix(".new")
        new.write_text(str(times))
        os.replace(new, self._refusals)

    def _told(self, reporter):
        lines = self.log.read_text().splitlines(keepends=True) if self.log.exists() else []
        told = (json.loads(line) for line in lines if line.endswith("\n"))
        return [n for n in told if n["reporter"] == reporter]

    def answers(self, reporter, words):
        """What that machine's notices with these words as reason or in their sentence were answered with, in order."""
        return [n["status"] for n in self._told(reporter) if n["event"]["reason"] == words or words in n["event"]["sentence"]]

    def histories(self, reporter):
        """Likewise of each of its notices by itself."""
        found = {}
        for n in self._told(reporter):
            found.setdefault((n["event"]["time"], n["event"]["reason"], n["event"]["sentence"]), []).append(n["status"])
        return list(found.values())

    def stop(self):
        self.process.kill()
        self.process.wait()
