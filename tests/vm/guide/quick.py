# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/CLUSTER.md, "In ten commands", on fresh machines: from the copied packages to a redundant mirror with a mount and an address."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packages"))

import debs
import guide
from cluster.cluster import MOUNT, NODES, Failed
from vmbed.net import SERVICE_ADDRESS

SECTION = "In ten commands"

# A node that has the address answers on each port of it, if only by refusing; without one nobody does.
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 4343), timeout=1)
except ConnectionRefusedError:
    pass
except OSError:
    sys.exit(1)
"""


def answers(trio):
    return trio.client(["/usr/bin/python3", "-c", KNOCK, SERVICE_ADDRESS]).returncode == 0


def put_packages(trio):
    """What the page tells to copy, and a machine as it is after installing it from Debian's own images."""
    for name, vm in trio.vms.items():
        vm.check(f"rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap*; mkdir -p {guide.FOLDER}")
        debs.put(vm, debs.files(debs.NODE if name in NODES else debs.WITNESS), guide.FOLDER)


def by_the_page(trio, cluster, steps):
    """The ten commands, with a person's patience between them; returns the typist."""
    typist = guide.Typist(trio, steps.say)
    for line in guide.lines(guide.of(SECTION)):
        command = line[0]
        if command.text.startswith("hamonctl mirror create"):
            for node in NODES:
                cluster.wait(f"{node} hears everybody", lambda n=node: cluster.hears_all(n), 60)
        if command.text.startswith("hamonctl mirror join"):
            cluster.wait(f"{MOUNT} is mounted on node-a", lambda: trio.node_a.run(f"mountpoint -q {MOUNT}")[0] == 0, 60)
        out = typist.type_at_once(line)
        if command.text.startswith("hamonctl mirror join"):
            cluster.wait("both legs are in sync", lambda: cluster.is_redundant("node-a"), 240)
    if "health: OK" not in out:
        raise Failed(f"the last command does not show that all is well:\n{out}")
    return typist
