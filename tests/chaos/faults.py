# SPDX-License-Identifier: LGPL-2.1-or-later
"""The faults: how each begins and how it is undone. What is drawn when is in plan.py.

begin(bed, fault) and mend(bed, fault) may find a machine that is off, frozen or rebooting because another fault hit it: then they raise, the driver
notes it, and whole_again() repairs at the end of the round whatever was left.
"""

import time

from cluster.cluster import NODES, WITNESS
from cluster_bed import DISKS, PACKAGES, TROUBLE
from vmbed import settings

OTHER = {"node-a": "node-b", "node-b": "node-a"}
INTERFACE = {"lan": "eth0", "rep": "eth1"}
# How each daemon is found: systemd's unit, or the command line for what has no unit of its own.
UNITS = {"nbdd": "nbdd", "hamon": "hamon", "hamon-act": "hamon-act", "nbdc": "nbdc@*", "witness": "hamon-witness"}
KEEPER = "pkill -{} -f '[n]bdc --keep'"


def resolve(bed, who):
    """'primary' and 'standby' (of mirror data, now), or a machine's name."""
    if who not in ("primary", "standby"):
        return who
    primary = bed.primary() or "node-a"
    return primary if who == "primary" else OTHER[primary]


def signal(bed, node, daemon, name):
    vm = bed.vms[WITNESS if daemon == "witness" else node]
    if daemon == "keeper":
        vm.run(KEEPER.format(name), timeout=20)
    else:
        vm.check(f"systemctl kill -s {name} --kill-who=main '{UNITS[daemon]}'", timeout=20)


def lose_power(bed, node):
    with bed.power_switch[node]:
        bed.vms[node].power_cut()
    if node in NODES:
        bed.power_lost.append((time.monotonic(), node))


def boot(bed, node):
    vm = bed.vms[node]
    with bed.power_switch[node]:
        if not vm.running():
            vm.boot()
    vm.wait_ready()


# -- one pair of functions for each kind

def power_cut(bed, f):
    lose_power(bed, f.node)


def power_on(bed, f):
    boot(bed, f.node)


def both_off(bed, f):
    lose_power(bed, f.node)
    time.sleep(f.apart_s)
    lose_power(bed, OTHER[f.node])


def both_on(bed, f):
    """The one that was cut first comes first: with apart_s it is the stale one."""
    boot(bed, f.node)
    boot(bed, OTHER[f.node])


def freeze(bed, f):
    bed.frozen.add(f.node)
    bed.vms[f.node].freeze(hard=f.hard)


def thaw(bed, f):
    bed.vms[f.node].thaw(hard=f.hard)
    goes_on(bed, f.node)


def goes_on(bed, node):
    """A machine that was frozen runs again, or was cut."""
    if node in bed.frozen:
        bed.frozen.discard(node)
        bed.thawed[node] = time.monotonic()


def panic(bed, f):
    bed.vms[f.node].check("(sleep 0.3; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &", timeout=10)


def reset(bed, f):
    bed.vms[f.node].reset()


def reboots(bed, f):
    bed.vms[f.node].wait_ready()


def link_down(bed, f):
    for link in f.links:
        bed.trio.cut(f.node, link)


def link_up(bed, f):
    for link in f.links:
        bed.trio.mend(f.node, link)


def netem(bed, f):
    bed.vms[f.node].check(" && ".join(f"tc qdisc replace dev {INTERFACE[link]} root netem {f.netem}" for link in f.links), timeout=20)


def netem_off(bed, f):
    bed.vms[f.node].check("; ".join(f"tc qdisc del dev {INTERFACE[link]} root" for link in f.links) + "; true", timeout=20)


def disk_hang(bed, f):
    bed.vms[f.node].disks[f.disk].hang()


def disk_slow(bed, f):
    bed.vms[f.node].disks[f.disk].slow(f.rate)


def disk_fail(bed, f):
    bed.disk_failed = True
    bed.vms[f.node].disks[f.disk].fail()


def disk_well(bed, f):
    bed.vms[f.node].disks[f.disk].mend()


def root_full(bed, f):
    bed.vms[f.node].run("fallocate -l $(($(df --output=avail -B1 / | tail -n 1) + 0)) /var/chaos-full; dd if=/dev/zero of=/var/chaos-full2 bs=4k status=none; true", timeout=60)


def root_free(bed, f):
    bed.vms[f.node].check("rm -f /var/chaos-full /var/chaos-full2", timeout=20)


def kill(bed, f):
    signal(bed, f.node, f.daemon, "KILL")


def stop(bed, f):
    signal(bed, f.node, f.daemon, "STOP")


def go_on(bed, f):
    signal(bed, f.node, f.daemon, "CONT")


def restart(bed, f):
    vm = bed.vms[WITNESS if f.daemon == "witness" else f.node]
    vm.check(f"systemctl restart '{UNITS[f.daemon]}'", timeout=60)


def upgrade(bed, f):
    """The packages again, as an upgrade does it: maintainer scripts restart what they restart."""
    bed.vms[f.node].check(f"DEBIAN_FRONTEND=noninteractive dpkg -i --force-confold {PACKAGES}/*.deb", timeout=300)


def clock(bed, f):
    bed.vms[f.node].check(f"date -s '{f.jump}'", timeout=20)


def clock_right(bed, f):
    bed.vms[f.node].check(f"date -s @{time.time():.3f}", timeout=20)


def memory(bed, f):
    bed.vms[f.node].check(f"systemd-run --quiet --collect -p OOMScoreAdjust=1000 /usr/local/bin/chaos-load eat "
                          f"{int(settings.NODE_MIB * 1.2)} {int(f.lasts_s) + 1}", timeout=20)


def switchover(bed, f):
    bed.vms[f.node].run(f"hamonctl --timeout 60 switchover {f.mirror}", timeout=70)


def nothing(bed, f):
    pass


KINDS = {
    "power-cut": (power_cut, power_on), "both-off": (both_off, both_on), "freeze": (freeze, thaw), "panic": (panic, reboots), "reset": (reset, reboots),
    "link-down": (link_down, link_up), "one-way": (netem, netem_off), "bad-link": (netem, netem_off),
    "disk-hang": (disk_hang, disk_well), "disk-slow": (disk_slow, disk_well), "disk-error": (disk_fail, disk_well), "root-full": (root_full, root_free),
    "kill": (kill, nothing), "stop": (stop, go_on), "restart": (restart, nothing), "upgrade": (upgrade, nothing), "clock": (clock, clock_right), "memory": (memory, nothing),
    "witness-off": (power_cut, power_on), "switchover": (switchover, nothing),
}


def whole_again(bed, limit_s):
    """Every machine on, every link and disk well, every process going on: what a data centre is after the technician left."""
    bed.trio.mend()
    deadline = time.monotonic() + limit_s

    def repair(vm):
        while True:
            try:
                return _one_whole_again(bed, vm)
            except TROUBLE:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    bed.trio.each(repair)


def _one_whole_again(bed, vm):
    if vm.running():
        vm.thaw(hard=True)
        vm.thaw()
        for disk in DISKS if vm.name in NODES else ():
            vm.disks[disk].mend()
    else:
        vm.boot()
    goes_on(bed, vm.name)
    vm.wait_ready()
    vm.check(f"for i in eth0 eth1; do tc qdisc del dev $i root 2>/dev/null; done; rm -f /var/chaos-full*; date -s @{time.time():.3f} >/dev/null; "
             "systemctl kill -s CONT nbdd hamon hamon-act 'nbdc@*' hamon-witness 2>/dev/null; " + KEEPER.format("CONT") + "; true", timeout=30)
