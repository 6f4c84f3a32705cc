# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk of one VM: a sparse raw file behind nbdkit's cache filter in writeback mode.

The filter keeps what the guest wrote without a flush in a cache of its own, an unlinked file that vanishes with the process;
a flush or a FUA write moves it to the raw file. So SIGKILL of nbdkit is what a power cut is to a disk with a volatile cache.
Never read the raw file of a running VM: it lacks what was not flushed.

Such a disk takes discards and does nothing (the filter would give them to the raw file, behind its own back). A disk that is made `zeroing` has no filter: it
reads zeroes exactly where something was discarded, gives the space back, and has no volatile cache either.

A disk that is made with `faulty` can be hung, slowed and made to fail while it runs, by filters in front of the cache.
"""

import os
import subprocess
import time

from . import proc, unixsock

START_TIMEOUT_S = 10
UNLIMITED_BITS = 10**12  # a second


class Disk:
    def __init__(self, folder, name, faulty=False, zeroing=False):
        self.folder = folder
        self.name = name
        self.faulty = faulty
        self.zeroing = zeroing
        self.path = folder / f"{name}.img"
        self.sock = folder / f"{name}.sock"
        self.pidfile = folder / f"{name}.pid"

    _control = property(lambda self: self.folder / f"{self.name}.pause")
    _failing = property(lambda self: self.folder / f"{self.name}.failing")
    _rate = property(lambda self: self.folder / f"{self.name}.rate")

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
        for old in (self.sock, started, self._control, self._failing, self._rate):
            old.unlink(missing_ok=True)
        filters = ["--filter=pause", "--filter=error", "--filter=rate"] if self.faulty else []
        settings = [f"pause-control={self._control.name}", "error=EIO", "error-pread-rate=100%", "error-pwrite-rate=100%",
                    f"error-file={self._failing.name}", f"rate-file={self._rate.name}"] if self.faulty else []
        cache, mode = ([], []) if self.zeroing else (["--filter=cache"], ["cache=writeback"])
        done = subprocess.run(["nbdkit", f"--unix={self.sock.name}", f"--pidfile={started.name}", "--threads=8", *filters, *cache,
                               "file", self.path.name, *mode, *settings],
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

    # -- faults of a disk that is `faulty` and served

    def hang(self, on=True):
        """No request is answered until hang(False); what was under way ends first."""
        with unixsock.connect(self._control, START_TIMEOUT_S) as sock:
            sock.sendall(b"p" if on else b"r")
            if sock.recv(1) != (b"P" if on else b"R"):
                raise RuntimeError(f"the disk server of '{self.path}' does not take the order to {'pause' if on else 'resume'}")

    def fail(self, on=True):
        """Each read and write fails with EIO."""
        if on:
            self._failing.touch()
        else:
            self._failing.unlink(missing_ok=True)

    def slow(self, bytes_per_second=None):
        """At most so many bytes a second; None: as fast as it can."""
        # The filter keeps the last rate when the file is gone, so that "no limit" has to be written, too.
        self._rate.write_text(f"{bytes_per_second * 8 if bytes_per_second else UNLIMITED_BITS}\n")

    def mend(self):
        """Undo every fault."""
        self.fail(False)
        self.slow(None)
        self.hang(False)
