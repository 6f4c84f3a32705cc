# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk of one VM: a sparse raw file behind nbdkit's cache filter in writeback mode.

The filter keeps what the guest wrote without a flush in a cache of its own, an unlinked file that vanishes with the process;
a flush or a FUA write moves it to the raw file. So SIGKILL of nbdkit is what a power cut is to a disk with a volatile cache.
Never read the raw file of a running VM: it lacks what was not flushed.
"""

import os
import subprocess
import time

from . import proc

START_TIMEOUT_S = 10


class Disk:
    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.path = folder / f"{name}.img"
        self.sock = folder / f"{name}.sock"
        self.pidfile = folder / f"{name}.pid"

    def create(self, size_bytes):
        """A new disk of zeroes."""
        with open(self.path, "wb") as f:
            f.truncate(size_bytes)

    def copy_of(self, image):
        """A new disk with the content of `image`, holes kept."""
        subprocess.run(["cp", "--sparse=auto", "--reflink=auto", image, self.path], check=True)

    def serve(self):
        """Start nbdkit; its socket is there when this returns. It runs as a daemon: Debian's nbdkit in the foreground asks the
        kernel for SIGTERM when the thread that started it ends, and a bed outlives the command that made it."""
        started = self.folder / f"{self.name}.nbdkit-pid"
        for old in (self.sock, started):
            old.unlink(missing_ok=True)
        done = subprocess.run(["nbdkit", f"--unix={self.sock.name}", f"--pidfile={started.name}", "--threads=8", "--filter=cache",
                               "file", self.path.name, "cache=writeback"],
                              cwd=self.folder, env={**os.environ, "TMPDIR": str(self.folder)}, start_new_session=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"nbdkit cannot serve disk '{self.path}': {done.stderr.strip()}")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (started.exists() and started.read_text().endswith("\n")):  # the daemon writes it after its parent has ended
            if time.monotonic() > deadline:
                raise RuntimeError(f"nbdkit for disk '{self.path}' wrote no pid in {START_TIMEOUT_S} s")
            time.sleep(0.002)
        proc.remember(int(started.read_text()), self.pidfile)
