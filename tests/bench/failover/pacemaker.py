# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people would use instead, from Debian: DRBD 8.4 under Pacemaker and Corosync, with the same file system, unit and address on the same machines."""

import sys
import time
from pathlib import Path

from cluster import sync_ledger
from cluster.cluster import MOUNT, NODES, Failed
from load import Load
from vmbed import Trio
from vmbed.net import CLIENT_ADDRESS, SERVICE_ADDRESS, address

HERE = Path(__file__).resolve().parent
PACKAGES = ("corosync", "crmsh", "drbd-utils", "pacemaker", "pacemaker-cli-utils", "psmisc", "resource-agents")
FENCE_PORT = 7009

COROSYNC = f"""totem {{
    version: 2
    cluster_name: bed
    transport: knet
    token: 3000
    crypto_cipher: none
    crypto_hash: none
}}
nodelist {{
{"".join(f'''    node {{
        name: {name}
        nodeid: {number}
        ring0_addr: {address(name)}
        ring1_addr: {address(name, "rep")}
    }}
''' for number, name in enumerate(NODES, 1))}}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
}}
logging {{
    to_syslog: yes
}}
"""

DRBD = f"""global {{ usage-count no; }}
resource data {{
    net {{ protocol C; }}
    disk {{ fencing resource-and-stonith; }}
    handlers {{
        fence-peer "/usr/lib/drbd/crm-fence-peer.sh";
        after-resync-target "/usr/lib/drbd/crm-unfence-peer.sh";
    }}
    device /dev/drbd0;
    disk /dev/vdb;
    meta-disk internal;
{"".join(f'    on {name} {{ address {address(name, "rep")}:7789; }}{chr(10)}' for name in NODES)}}}
"""

CRM = f"""property stonith-enabled=true stonith-timeout=30s cluster-recheck-interval=60s
rsc_defaults resource-stickiness=200
{"".join(f'''primitive fence-{name} stonith:fence_bed params pcmk_host_list={name} op monitor interval=60s timeout=20s
location fence-{name}-elsewhere fence-{name} -inf: {name}
''' for name in NODES)}primitive drbd ocf:linbit:drbd params drbd_resource=data op start timeout=240s interval=0 op promote timeout=90s interval=0 op demote timeout=90s interval=0 op stop timeout=100s interval=0 op monitor role=Master interval=10s timeout=60s op monitor role=Slave interval=20s timeout=60s
clone drbd-clone drbd meta promotable=true promoted-max=1 promoted-node-max=1 clone-max=2 clone-node-max=1 notify=true
primitive fs ocf:heartbeat:Filesystem params device=/dev/drbd0 directory={MOUNT} fstype=ext4 op start timeout=60s interval=0 op stop timeout=60s interval=0 op monitor interval=20s timeout=40s
primitive unit systemd:{sync_ledger.UNIT.removesuffix(".service")} op start timeout=100s interval=0 op stop timeout=100s interval=0 op monitor interval=20s timeout=100s
primitive ip ocf:heartbeat:IPaddr2 params ip={SERVICE_ADDRESS} cidr_netmask=24 nic=eth0 op monitor interval=10s timeout=20s
group service fs unit ip
colocation service-with-drbd inf: service drbd-clone:Master
order drbd-first Mandatory: drbd-clone:promote service:start
"""


class Pacemaker:
    name, title = "pacemaker", "DRBD 8.4 + Pacemaker + Corosync"
    events = ["power-cut", "link-cut", "move"]

    @staticmethod
    def machines():
        return Trio.start(ours=False, more=PACKAGES, only=NODES)

    def __init__(self, trio):
        self.trio = trio
        self.fence = None

    def set_up(self):
        a = self.trio.node_a
        self.fence = self.trio.client_start([sys.executable, str(HERE / "fence.py"), CLIENT_ADDRESS, str(FENCE_PORT), str(self.trio.folder)])
        self.trio.each(self._prepare, NODES)
        self._wait("the two halves are connected", lambda: "cs:Connected" in a.check("cat /proc/drbd"), 60)
        a.check("drbdadm -- --clear-bitmap new-current-uuid data && sleep 1 && drbdadm primary data && udevadm settle && "
                "mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/drbd0 && drbdadm secondary data", timeout=120)
        self.trio.each(lambda vm: vm.check("drbdadm down data && systemctl start corosync pacemaker", timeout=120), NODES)
        self._wait("both nodes are online", lambda: "2 nodes configured" in self._mon() and all(n in self._online() for n in NODES), 180)
        a.put("/root/service.crm", CRM.encode())
        a.check("crm -F configure load update /root/service.crm", timeout=300)
        self.wait_whole(300)

    def _prepare(self, vm):
        sync_ledger.install(vm)
        vm.check(f"systemctl stop pacemaker corosync; rm -rf /var/lib/pacemaker/cib/* /var/lib/corosync/*; mkdir -p {MOUNT}", timeout=120)
        vm.put("/etc/corosync/corosync.conf", COROSYNC.encode())
        vm.put("/etc/drbd.conf", DRBD.encode())
        vm.put("/usr/sbin/fence_bed", (HERE / "fence_bed").read_bytes())
        vm.check("chmod 755 /usr/sbin/fence_bed; systemctl enable corosync pacemaker; modprobe drbd && drbdadm -- --force create-md data && "
                 "drbdadm up data; sync", timeout=120)

    def start_load(self):
        return Load(self.trio, SERVICE_ADDRESS)

    def settings(self):
        versions = self.trio.node_a.check("dpkg-query -W -f '${Package} ${Version}\\n' corosync drbd-utils pacemaker resource-agents; modinfo -F version drbd")
        return [("/etc/corosync/corosync.conf", COROSYNC), ("/etc/drbd.conf", DRBD), ("crm configure", CRM), ("versions", versions.strip())]

    # -- looking

    def _wait(self, what, condition, limit_s):
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except (RuntimeError, TimeoutError):
                pass
            time.sleep(1.0)
        raise Failed(f"waited {limit_s:.0f} s for: {what}\n{self._story()}")

    def _story(self):
        lines = []
        for name, vm in self.trio.vms.items():
            if vm.running():
                lines.append(f"--- {name}:\n{vm.run('crm_mon -1Arf; cat /proc/drbd; crm_verify -LV; journalctl -b --no-pager -o short-monotonic -n 60', timeout=60)[1]}")
        return "\n".join(lines)

    def _mon(self):
        up = next((vm for vm in self.trio.vms.values() if vm.running()), None)
        return up.run("crm_mon -1", timeout=30)[1] if up else ""

    def _online(self):
        return next((line for line in self._mon().splitlines() if "Online:" in line), "")

    def primary(self):
        for name in NODES:
            vm = self.trio.vms[name]
            if vm.running() and vm.run(f"mountpoint -q {MOUNT} && ip -o addr show dev eth0 | grep -q '{SERVICE_ADDRESS}/'", timeout=20)[0] == 0:
                return name
        return None

    def wait_whole(self, limit_s):
        def whole():
            node = self.primary()
            if not node or not all(n in self._online() for n in NODES):
                return False
            text = self.trio.vms[node].check("cat /proc/drbd; crm_mon -1rf")
            return "ds:UpToDate/UpToDate" in text and "Failed" not in text and "drbd-fence-by-handler" not in self.trio.vms[node].check("cibadmin -Q -o constraints")
        self._wait("both nodes are in the cluster and the halves up to date", whole, limit_s)
        return self.primary()

    # -- doing

    def move(self, primary):
        target = NODES[1 - NODES.index(primary)]
        self.trio.vms[primary].check(f"crm_resource --move --resource service --node {target}", timeout=60)

    def moved(self):
        """The constraint of the move goes."""
        self.trio.node_a.check("crm_resource --clear --resource service", timeout=60)

    def timeline(self, event, node, since_wall):
        return {}

    def effects(self, node, begin_wall):
        return {}  # Pacemaker has no such

    def end(self):
        if self.fence:
            self.fence.terminate()
            self.fence.wait()
