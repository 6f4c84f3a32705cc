# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/CLUSTER.md on fresh machines: "In ten commands", from the copied packages to a redundant mirror with a mount and an address, and what a chapter builds on it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packages"))

import debs
import guide
from cluster.cluster import MOUNT, NODES, Cluster, Failed
from cluster.steps import Steps
from vmbed import Trio
from vmbed.net import SERVICE_ADDRESS

SECTION = "In ten commands"
SWITCHOVER_ATTEMPTS = 3

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


def by_the_page(trio, cluster, steps, absent=None):
    """The ten commands, with a person's patience between them; returns the typist. `absent`: as for guide.distribution_packages()."""
    typist = guide.Typist(trio, steps.say, absent)
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


def chapter(typist, section):
    """The commands of another chapter, which waits by itself where that is needed; {text: what the last machine printed}."""
    return {line[0].text: typist.type_at_once(line) for line in guide.lines(guide.of(section))}


def pull_the_plug(trio, cluster, steps, node, other):
    """Of the active node, until the other one is primary."""
    trio[node].power_cut()
    took = cluster.wait(f"{other} is primary", lambda: trio[other].run("hamonctl is primary data")[0] == 0, 60, poll_s=0.2)
    steps.say(f"  {other} is primary {took:.1f} s after the plug")


def switch_over(cluster, steps, node):
    """To this node, by hamonctl on the other one; what is unsettled on a slow machine is looked at before it is asked for again, as its entry in TROUBLESHOOTING says."""
    other = next(name for name in NODES if name != node)
    for _ in range(SWITCHOVER_ATTEMPTS):
        code, out, err = cluster.vms[other].run("hamonctl switchover data", timeout=120)
        if code != 0 and "[unsettled]" not in err:
            break
        cluster.wait("it is settled", lambda: any(cluster.is_redundant(name) for name in NODES), 180)
        if cluster.is_primary(node):
            return
        steps.say(f"  it is still on {other}: {err.strip()}")
    raise Failed(f"{other}: no switchover, the last attempt ended with {code}: {out}{err}")


def story(tell, lost=None):
    """A test of the page: fresh machines, the ten commands, then tell(trio, cluster, steps, typist). `lost`: what the packages begin with that the nodes are not to have."""
    steps = Steps()
    try:
        with steps.step("three fresh machines boot, with the packages copied to them"):
            trio = Trio.start(ours=False)
        with trio:
            cluster = Cluster(trio.vms, SERVICE_ADDRESS)
            try:
                put_packages(trio)
                if lost:
                    trio.each(lambda vm: vm.check(f"apt-get -y purge '{lost}*' && rm -rf /etc/{lost} /etc/{lost}-common", 180), NODES)
                with steps.step("the ten commands"):
                    typist = by_the_page(trio, cluster, steps, absent=f"{lost}.*" if lost else None)
                tell(trio, cluster, steps, typist)
            except BaseException:
                print(cluster.story(), flush=True)
                raise
    except BaseException:
        steps.failed()
        return 1
    return 0
