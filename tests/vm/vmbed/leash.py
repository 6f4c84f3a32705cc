# SPDX-License-Identifier: LGPL-2.1-or-later
"""A helper process that stops a bed when the process that made it is gone, even by SIGKILL.

It waits for the end of a pipe whose only writer is the test; Trio.stop() a second time finds nothing left to do.
"""

import subprocess
import sys
from pathlib import Path


class Leash:
    def __init__(self, folder):
        self._helper = subprocess.Popen([sys.executable, "-c", "from vmbed.leash import hold; hold()", str(folder)],
                                        cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, start_new_session=True)

    def release(self):
        self._helper.stdin.close()
        self._helper.wait()


def hold():
    """The helper: wait for the test's end, then stop what it left. Logs stay."""
    from . import proc
    from .trio import Trio

    folder = Path(sys.argv[1])
    sys.stdin.read()
    if (folder / "netns").exists():
        trio = Trio(folder)
        proc.kill_in(folder)
        trio.stop()
        trio.drop_disks()
