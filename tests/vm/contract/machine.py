# SPDX-License-Identifier: LGPL-2.1-or-later
"""One machine with two small disks that can be made to fail, and what the contract tests ask of it."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster.steps import Steps  # noqa: E402
from vmbed import Trio, settings  # noqa: E402


class Broken(AssertionError):
    """The kernel does not do what the product relies on."""


def expect(condition, text):
    if not condition:
        raise Broken(text)


def wait_for(what, condition, timeout_s=30):
    deadline = time.monotonic() + timeout_s * settings.PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Broken(f"waited {timeout_s} s for: {what}")
        time.sleep(0.1)


def run(story, **more):
    """story(step, trio, vm) in a booted machine; the exit status of a test."""
    steps = Steps()
    try:
        with steps.step("boot"):
            trio = Trio.start(only=("node-a",), **more)
        with trio:
            vm = trio.node_a
            try:
                steps.say("kernel " + vm.check("uname -r").strip())
                story(steps.step, trio, vm)
            except BaseException:
                if vm.running():
                    print(vm.run("cat /proc/mdstat; dmesg | tail -n 40", timeout=20)[1], flush=True)
                raise
    except BaseException:
        steps.failed()
        return 1
    return 0
