# SPDX-License-Identifier: LGPL-2.1-or-later
"""Progress and counting for tests that run in named steps: one line a step with its duration, in cmocka's spelling so that
tests/run counts each, and a failure that says which step it was."""

import contextlib
import sys
import time
import traceback


class Steps:
    def __init__(self):
        self.start = time.monotonic()
        self.current = None

    def elapsed(self):
        return time.monotonic() - self.start

    def say(self, text):
        print(f"{self.elapsed():7.1f} s  {text}", flush=True)

    @contextlib.contextmanager
    def step(self, name):
        self.current = name
        begin = time.monotonic()
        self.say(f"{name} ...")
        yield
        print(f"[       OK ] {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        self.current = None

    def failed(self):
        """Report the exception that is being handled: whole, then in one line, which tests/run shows first."""
        traceback.print_exc(file=sys.stdout)
        error = sys.exc_info()[1]
        why = (str(error).strip().splitlines() or [""])[0][:300]
        print(f"[  FAILED  ] {self.current or 'outside any step'}, after {self.elapsed():.1f} s: {type(error).__name__}: {why}", flush=True)
