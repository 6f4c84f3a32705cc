# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-install and test-removal begin with: our packages on machines that never had them, and a mirror with a file system."""

import debs
from cluster.cluster import NODES, Failed


def check(condition, text):
    if not condition:
        raise Failed(text)


def record(cluster, node):
    mirror = cluster.mirror(node)
    return mirror.get("record", {}).get("epoch"), {leg["node"]: leg["in_sync"] for leg in mirror.get("legs", [])}


def install(steps, trio, cluster, between=lambda: None):
    """`between`: what happens before the packages are installed in peace."""
    with steps.step("a fresh machine has nothing of ours"):
        for vm in trio.vms.values():
            found = debs.left(vm)
            check(not found, f"{vm.name}: {found}")
    between()
    with steps.step("apt install"):
        trio.each(lambda vm: debs.install(vm, debs.files(debs.NODE)), NODES)
        debs.install(trio.witness, debs.files(debs.WITNESS))
        for node in NODES:
            vm = cluster.vms[node]
            check(vm.check("systemctl is-active nbdd").strip() == "active", f"nbdd does not run on {node}")
            vm.check("nbdd -l -a -s; ss -Hltn | grep -q :4343")
            vm.check("for u in nbdd hamon hamon-act hamon-leave; do systemctl is-enabled $u || exit 1; done")
            check(vm.run("systemctl is-active hamon")[1].strip() == "inactive", "hamon runs without a configuration")
            vm.check("lsmod | grep -w nbd")
            vm.check("hamonctl --version; hamon --version; nbdc --version")
        trio.witness.check("systemctl is-enabled hamon-witness; ! command -v nbdd")
        for vm in trio.vms.values():
            failed = vm.check("systemctl --failed --plain --no-legend").strip()
            check(not failed, f"{vm.name}: failed units: {failed}")


def mirror(steps, trio, cluster, timers=()):
    with steps.step("a mirror with a file system"):
        cluster.configure(profile="relaxed", timers=timers)
        for node in NODES:
            cluster.wait(f"{node} hears everybody", lambda n=node: cluster.hears_all(n), 60)
        cluster.create()
        cluster.make_file_system()
        cluster.join()
    with steps.step("the journal explains what hamon says, and finds it by its code"):
        out = trio.node_a.check("journalctl -b --no-pager -x -u hamon HAMON_REASON=primary")
        check("[primary] data is active on this node" in out and "man:hamon-troubleshooting(7)" in out, f"the catalog says nothing: {out}")
