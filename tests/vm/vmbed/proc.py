# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes of the bed: start one, know it again later (also from another process), end exactly that one.

A process is remembered in a file as "pid start-time", so that a recycled pid is never signalled.
"""

import os
import signal
import subprocess
import time
from pathlib import Path


PROGRAMS = ("qemu-system", "nbdkit", "nsenter")  # of a bed


def start_ticks(pid):
    """Start time of `pid` in clock ticks since boot (field 22 of stat), or None when there is no such live process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def spawn(argv, pidfile, cwd, log, netns=None, env=None):
    """Start `argv` in a session of its own, its output appended to the file `log`; returns the pid."""
    argv = [str(a) for a in argv]
    if netns:
        argv = ["nsenter", f"--net=/run/netns/{netns}"] + argv  # nsenter execs: the pid stays
    with open(log, "ab") as out:
        child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 start_new_session=True, env=env)
    remember(child.pid, pidfile)
    return child.pid


def remember(pid, pidfile):
    Path(pidfile).write_text(f"{pid} {start_ticks(pid)}\n")


def recall(pidfile):
    """The pid that `spawn` wrote to `pidfile` if that very process still lives, else None."""
    try:
        pid, ticks = Path(pidfile).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if str(start_ticks(int(pid))) == ticks else None


def kill(*pidfiles, sig=signal.SIGKILL, timeout_s=10):
    """Signal the processes behind `pidfiles` in this order, then (for SIGKILL and SIGTERM) wait until all are gone."""
    pids = [pid for pid in map(recall, pidfiles) if pid]
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass
    if sig not in (signal.SIGKILL, signal.SIGTERM):
        return
    deadline = time.monotonic() + timeout_s
    for pid in pids:
        ticks = start_ticks(pid)
        while ticks is not None and start_ticks(pid) == ticks:
            _reap(pid)
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {pid} outlived signal {sig}")
            time.sleep(0.005)
        _reap(pid)


def kill_in(folder):
    """Ends the bed's own programs that work in `folder`: what was started there by a process that died before it had remembered it. Nobody's shell."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            inside = link.resolve().is_relative_to(Path(folder).resolve())
            if inside and (link.parent / "comm").read_text().startswith(PROGRAMS):
                os.kill(int(link.parent.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


def _reap(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # started by another process of the bed, which reaps it
