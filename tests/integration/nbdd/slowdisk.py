# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that can be frozen (every write to it then hangs in the kernel) or filled. Needs root; mounts in a namespace of the test's own."""
import fcntl
import os
import subprocess
import sys
import tempfile

FIFREEZE, FITHAW = 0xC0045877, 0xC0045878


def own_mounts():
    """Runs this test again with private mounts; skips it without root."""
    if os.environ.get("NBDD_OWN_MOUNTS"):
        return
    if os.geteuid() != 0:
        print("needs root to mount a file system of its own")
        sys.exit(77)
    os.environ["NBDD_OWN_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable] + sys.argv)


class SlowDisk:
    def __init__(self, size="64M", kind="ext4"):
        self.folder = tempfile.mkdtemp(prefix="nbdd-slow-")
        self.mount = os.path.join(self.folder, "mnt")
        os.mkdir(self.mount)
        if kind in ("tmpfs", "ramfs"):
            subprocess.check_call(["mount", "-t", kind, "-o", "size=" + size, "none", self.mount])
        else:
            image = os.path.join(self.folder, "image")
            subprocess.check_call(["truncate", "-s", size, image])
            subprocess.check_call(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", image])
            subprocess.check_call(["mount", "-o", "loop", image, self.mount])
        self.fd = None

    def path(self, name):
        return os.path.join(self.mount, name)

    def freeze(self):
        self.fd = os.open(self.mount, os.O_RDONLY)
        fcntl.ioctl(self.fd, FIFREEZE, 0)

    def thaw(self):
        if self.fd is not None:
            fcntl.ioctl(self.fd, FITHAW, 0)
            os.close(self.fd)
            self.fd = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.thaw()
        subprocess.call(["umount", "-l", self.mount])
        subprocess.call(["rm", "-rf", self.folder])


class FullLoop:
    """A loop device of 16 MiB whose backing file has room for about 4."""

    def __enter__(self):
        self.disk = SlowDisk("4M", "tmpfs")
        backing = self.disk.path("backing")
        subprocess.check_call(["truncate", "-s", "16M", backing])
        self.device = subprocess.check_output(["losetup", "-f", "--show", backing], text=True).strip()
        return self

    def __exit__(self, *error):
        subprocess.call(["losetup", "-d", self.device])
        self.disk.__exit__()
