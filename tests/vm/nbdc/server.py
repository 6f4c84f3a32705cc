# SPDX-License-Identifier: LGPL-2.1-or-later
"""An nbdd outside the nodes, for tests that need one machine only: it can be killed, stopped and started in no time."""

import os
import signal
import subprocess
import time
from pathlib import Path

from vmbed import settings
from vmbed.net import CLIENT_ADDRESS

NBDD = Path(os.environ.get("BUILD", settings.TOP / "build")).resolve() / "nbdd"
PORT = 4343


class Server:
    """Exports a file of `size_bytes` as 0x12 on `addresses`, plain or through TLS with the key in `psk`."""

    psk = "node-a:" + "5a" * 32 + "\n"

    def __init__(self, trio, size_bytes, addresses=(CLIENT_ADDRESS,)):
        self.trio = trio
        self.addresses = addresses
        self.folder = trio.folder / "server"
        self.folder.mkdir()
        self.image = self.folder / "disk.img"
        with open(self.image, "wb") as file:
            file.truncate(size_bytes)
        (self.folder / "psk").write_text(self.psk)
        (self.folder / "psk").chmod(0o600)
        self.process = None
        self.start()
        self.admin("-m", "-d", self.image, "-i", "0x12")
        self.admin("--start", "-i", "0x12")

    def _argv(self, *arguments):
        return [NBDD, *arguments, "--control", self.folder / "control.sock"]

    def start(self):
        log = open(self.folder / "log", "ab")
        listen = [word for address in self.addresses for word in ("--listen", f"{address}:{PORT}")]
        self.process = self.trio.client_start(self._argv("--serve", *listen, "--state-dir", self.folder / "state", "--tls-psk", self.folder / "psk",
                                                          "--tls", "offer"), stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 20
        while self.admin("-l", check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"nbdd does not start, see {self.folder}/log")
            time.sleep(0.02)

    def admin(self, *arguments, check=True):
        return subprocess.run(list(map(str, self._argv(*arguments))), check=check, stdout=subprocess.DEVNULL,
                              stderr=None if check else subprocess.DEVNULL)

    def restart(self):
        self.kill()
        self.start()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """In order, as by a restart of its service."""
        self.process.terminate()
        self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.wait()
