# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a report is stamped with: the program, the commit, the day, the machine and its kernel."""

import os
import platform
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def commit():
    """Of the tree that was measured; "-dirty" behind it with changes that are in no commit."""
    out = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty", "--exclude=*"], capture_output=True, text=True)
    return out.stdout.strip() or "unknown"


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def stamp():
    """One line of a report."""
    return (f"nbdd {(TOP / 'VERSION').read_text().strip()}, commit {commit()}, {time.strftime('%F', time.gmtime())}; "
            f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}.")
