# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where to pull the plug: a machine's journal is written to the host line by line, so that the power can go within milliseconds of what a line says."""

import re
import threading
import time
from pathlib import Path

from vmbed import settings
from vmbed.agent import GuestError, GuestTimeout

from .cluster import Failed

LOOK_S = 0.005


class Journal:
    """What the journal of a machine says from now on."""

    def __init__(self, vm):
        self.vm = vm
        self.path = Path(vm.folder) / "journal.log"
        self.start = self.path.stat().st_size

    def said(self):
        with open(self.path, "rb") as file:
            file.seek(self.start)
            return file.read().decode(errors="replace")

    def wait(self, pattern, timeout_s=60):
        """Until a line has it; returns that line."""
        limit_s = timeout_s * settings.PATIENCE
        begin = time.monotonic()
        while time.monotonic() - begin < limit_s:
            text = self.said()
            found = re.search(pattern, text)
            if found:
                return text[text.rfind("\n", 0, found.start()) + 1:].split("\n", 1)[0]
            time.sleep(LOOK_S)
        raise Failed(f"{self.vm.name} did not say '{pattern}' in {limit_s:.0f} s, but:\n{self.said()[-3000:]}")


def pull_at(vm, command, pattern, timeout_s=60, heard=None, by=None):
    """Begins `command` and pulls the machine's plug when the journal has `pattern`; returns the time of the cut and the line. The journal may be that of another
    machine, `heard`, and another one, `by`, may begin the command."""
    journal = Journal(heard or vm)
    thread = threading.Thread(target=_begin, args=(by or vm, command))
    thread.start()
    line = journal.wait(pattern, timeout_s)
    vm.power_cut()
    at = time.monotonic()
    thread.join()
    return at, line


def _begin(vm, command):
    try:
        vm.run(f"({command}) >/run/pulled 2>&1 &")
    except (GuestError, GuestTimeout):
        pass  # the power went, or a shutdown ended the agent, before it told that the command had begun: the journal tells
