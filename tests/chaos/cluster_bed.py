# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cluster under chaos: a trio with two mirrors, the load's service on each, and the clients outside that keep the ledgers.

    data   a file on the mirror's ext4, the service behind 10.99.0.100, port 7001
    raw    /dev/md/raw itself with O_DIRECT, the service behind 10.99.0.101, port 7002
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from cluster import postgres
from cluster.cluster import NODES, WITNESS, Cluster, Failed, differing_blocks
from database import Database
from vmbed import GuestTimeout, Trio, settings
from vmbed.agent import GuestError
from vmbed.net import address
from vmbed.vm import CommandFailed

TOP = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUILD = TOP / os.environ.get("BUILD", "build")

DATA_MIB, DATA_WITH_POSTGRES_MIB = 64, 192
SECTORS = 1500
TROUBLE = (GuestTimeout, GuestError, CommandFailed, RuntimeError, TimeoutError, OSError)
DISKS = ("data", "raw")
PACKAGES = "/var/cache/chaos"
WITNESS_UNIT = {"hamon": "hamon-witness"}
PROFILE = os.environ.get("CHAOS_PROFILE", "relaxed")  # emulated machines are slow
LEASE_S = {"normal": 1.8, "relaxed": 5.5}[PROFILE]    # hamon/core/types.c

UNIT = """[Unit]
Description=Load of chaos on mirror %i
StartLimitIntervalSec=0

[Service]
EnvironmentFile=/etc/chaos/%i.env
ExecStart=/usr/local/bin/chaos-load serve ${TARGET} ${PORT} ${BLOCKS} ${STRIDE} /run/chaos-load-%i.lock
Restart=on-failure
RestartSec=300ms
KillSignal=SIGKILL
TimeoutStopSec=20
"""


class Mirror:
    """One mirror with its load: where it is, and what its client says."""

    def __init__(self, name, disk, address, port, target, stride, mount=None):
        self.name, self.disk, self.address, self.port, self.target, self.stride, self.mount = name, disk, address, port, target, stride, mount
        self.process = None
        self.ledger = None

    def start_client(self, trio, seed):
        self.ledger = trio.folder / f"ledger-{self.name}.txt"
        argv = [sys.executable, str(HERE / "client.py"), str(self.port), str(SECTORS), str(seed), str(self.ledger), self.address,
                *(address(node) for node in NODES)]
        self.process = trio.client_start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the client of mirror '{self.name}' is gone")
        return json.loads(line)

    def acks(self, since=0.0):
        """(sent, done, node) of each answered write whose answer came at or after `since`, in the order of the answers."""
        found = []
        with open(self.ledger) as file:
            for line in file:
                fields = line.split()
                if line.endswith("\n") and float(fields[1]) >= since:
                    found.append((float(fields[0]), float(fields[1]), fields[4], int(fields[2])))
        return sorted(found, key=lambda ack: ack[1])

    def last_node(self):
        acks = self.acks(time.monotonic() - 60)
        return acks[-1][2] if acks else None

    def end(self):
        if self.process:
            try:
                self.process.communicate("end\n", timeout=10)
            except (subprocess.TimeoutExpired, BrokenPipeError, ValueError):
                self.process.kill()
                self.process.wait()


def mirrors():
    return [Mirror("data", "data", "10.99.0.100", 7001, "/srv/data/chaos", 4, "/srv/data"),
            Mirror("raw", "raw", "10.99.0.101", 7002, "/dev/md/raw", 8)]


class Bed(Cluster):
    """Cluster, with two mirrors. Times are monotonic seconds of the host."""

    def __init__(self, trio, with_postgres=False):
        super().__init__(trio.vms, "10.99.0.100")
        self.trio = trio
        self.mirrors = mirrors()
        self.database = Database(trio) if with_postgres else None
        self.power_switch = {name: threading.Lock() for name in trio.vms}  # two faults of one machine press it in turn
        self.power_lost = []      # (when, node) of this round
        self.disk_failed = False  # in this round
        self.frozen = set()       # nodes
        self.thawed = {}          # node -> when it last went on after a freeze

    def _write(self, options):
        text = configuration(self.mirrors, **options)
        for vm in self.vms.values():
            vm.check("mkdir -p /etc/hamon")
            vm.put("/etc/hamon/hamon.conf", text.encode())
            vm.put("/etc/hamon/cluster.key", f"{self.key}\n".encode())
            vm.check("chown root:hamon /etc/hamon/cluster.key && chmod 640 /etc/hamon/cluster.key; sync")

    def mirror_of(self, node, name):
        status = self.status(node)
        return next((m for m in status["mirrors"] if m["name"] == name), {}) if status else {}

    # -- set up

    def set_up(self):
        """Both mirrors created on node-a and joined from node-b; the services run and wait for their clients."""
        self.trio.each(self._install_load, NODES)
        self.configure()
        for node in NODES:
            self.wait(f"{node} hears everybody", lambda n=node: self.hears_all(n), 60)
        a, b = self.trio.node_a, self.trio.node_b
        for mirror in self.mirrors:
            a.check(f"hamonctl mirror create {mirror.name} --overwrite", timeout=120)
            self.wait(f"node-a is primary of '{mirror.name}'", lambda m=mirror: self.mirror_of("node-a", m.name).get("role") == "primary", 120)
        a.check("mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 -J size=4 /dev/md/data", timeout=120)
        self.wait("/srv/data is mounted on node-a", lambda: a.run("mountpoint -q /srv/data")[0] == 0, 60)
        data = self.mirrors[0]
        blocks = SECTORS * data.stride + 1
        a.check(f"dd if=/dev/zero of={data.target}.new bs=1M count={blocks * 4096 // 1048576 + 1} conv=fsync status=none && "
                f"mv {data.target}.new {data.target} && sync", timeout=120)
        if self.database:
            self.database.create()
            self.reconfigure(units=[postgres.UNIT])
            self.database.start(self.wait)
        for mirror in self.mirrors:
            b.check(f"hamonctl mirror join {mirror.name} --overwrite", timeout=60)
        self.wait("both mirrors are redundant", lambda: len(self.redundant()) == len(self.mirrors), 300)

    def start_load(self, seed):
        for mirror in self.mirrors:
            mirror.start_client(self.trio, seed)
        self.wait_redundant(300 * settings.PATIENCE)

    def replace(self, files):
        """These programs in place of the installed ones of their names, while everything runs: a restart of a daemon is harmless. A hamon on the witness as well, which
        else would refuse what it breaks."""
        def replace(vm):
            for file in map(Path, files):
                unit = WITNESS_UNIT.get(file.name) if vm.name == WITNESS else file.name
                if unit:
                    vm.put(f"/tmp/{file.name}", file.read_bytes())
                    vm.check(f"chmod 755 /tmp/{file.name} && mv /tmp/{file.name} /usr/sbin/ && sync && systemctl restart {unit}", timeout=120)
        for name in (WITNESS, *NODES) if files else ():  # one after the other: a cluster whose three hamons begin anew at once may well take over
            replace(self.vms[name])

    def _install_load(self, vm):
        vm.check("mkdir -p /etc/chaos")
        vm.put("/usr/local/bin/chaos-load", (BUILD / "tests/chaos/chaos-load").read_bytes())
        vm.put("/etc/systemd/system/chaos-load@.service", UNIT.encode())
        for m in self.mirrors:
            vm.put(f"/etc/chaos/{m.name}.env", f"TARGET={m.target}\nPORT={m.port}\nBLOCKS={SECTORS}\nSTRIDE={m.stride}\n".encode())
        put_packages(vm)
        vm.check("chmod 755 /usr/local/bin/chaos-load && chmod 644 /etc/systemd/system/chaos-load@.service && systemctl daemon-reload && sync")

    # -- looking

    def primary(self, name="data"):
        """Who answers at this mirror, by the ledger, or else by status; None when nobody does."""
        mirror = next(m for m in self.mirrors if m.name == name)
        return mirror.last_node() or next((n for n in NODES if self._role(n, name) == "primary"), None)

    def _role(self, node, name):
        try:
            return self.mirror_of(node, name).get("role") if self.vms[node].running() else None
        except (*TROUBLE, Failed):
            return None

    def looks(self):
        """{node: status} of the nodes that answer."""
        def look(vm):
            try:
                return self.status(vm.name) if vm.running() else None
            except (*TROUBLE, Failed):
                return None
        return {node: status for node, status in self.trio.each(look, NODES).items() if status}

    def redundant(self):
        """{mirror: its primary} of the mirrors that have both legs in sync."""
        return {m["name"]: node for node, status in self.looks().items() for m in status["mirrors"] if m["role"] == "primary" and m["health"] == "ok"}

    def wait_redundant(self, limit_s):
        """Until both mirrors are redundant and answer writes at their service addresses; returns {mirror: primary}."""
        begin = time.monotonic()
        where = {}

        def whole():
            where.clear()
            where.update(self.redundant())
            recent = time.monotonic() - 3 * settings.PATIENCE
            return len(where) == len(self.mirrors) and (not self.database or self.database.answers()) and all(any(ack[3] < 3 for ack in m.acks(max(recent, begin))) for m in self.mirrors)

        for m in self.mirrors:
            m.ask("run")
        self.wait("both mirrors are redundant and serve", whole, limit_s, poll_s=1.0)
        return where

    # -- what must be the same on both legs

    def compare_legs(self, where):
        """Byte for byte, with the load paused: {mirror: [offsets that differ]}."""
        with self._frozen(where):
            for name, node in where.items():
                self.vms[node].check(f"sync /dev/md/{name}", timeout=60)
            self.trio.each(lambda vm: vm.check("sync /dev/vdb /dev/vdc", timeout=60), NODES)
            return {m.name: differing_blocks(*(self.vms[n].disks[m.disk].path for n in NODES)) for m in self.mirrors}

    @contextlib.contextmanager
    def _frozen(self, where):
        data_on = self.vms[where["data"]]
        data_on.check("fsfreeze -f /srv/data", timeout=60)
        try:
            yield
        finally:
            data_on.check("fsfreeze -u /srv/data", timeout=60)

    def repair_legs(self, where):
        """Equal legs again after a mutant made them differ, with the load paused: what the primary reads is written to both. (md's own repair is
        ended by hamon-act as soon as it begins.)"""
        for name, offsets in self.compare_legs(where).items():
            if offsets:
                device = f"/dev/md/{name}"
                with self._frozen(where):
                    self.vms[where[name]].check(f"while read n; do dd if={device} of={device} bs=4096 count=1 skip=$n seek=$n iflag=direct oflag=direct "
                                                "conv=notrunc status=none || exit 1; done", timeout=300, stdin="".join(f"{o // 4096}\n" for o in offsets).encode())
        left = {name: len(offsets) for name, offsets in self.compare_legs(where).items() if offsets}
        if left:
            raise Failed(f"the legs still differ after what one has was written to both: {left}")

    def end(self):
        if self.database:
            self.database.end()
        for m in self.mirrors:
            m.end()


def put_packages(vm):
    """Our packages, where a fault `upgrade` finds them."""
    vm.check(f"mkdir -p {PACKAGES}")
    for deb in sorted(settings.DEB_DIR.glob("*.deb")):
        vm.put(f"{PACKAGES}/{deb.name}", deb.read_bytes())


def configuration(all_mirrors, units=()):
    """`units`: of the service of mirror data, after the load."""
    sections = ""
    for number, (m, device) in enumerate(zip(all_mirrors, ("/dev/vdb", "/dev/vdc"))):
        mount = f"mount = {m.mount}\ntype = ext4\n" if m.mount else ""
        sections += (f"[mirror {m.name}]\nid = {0xd1 + number:#x}\ndevice = node-a:{device}\ndevice = node-b:{device}\n"
                     f"[service {m.name}]\n{mount}address = {m.address}/24\ninterface = eth0\nunit = chaos-load@{m.name}.service\n")
        if m.mount:
            sections += "".join(f"unit = {unit}\n" for unit in units)
    nodes = "".join(f"[node {n}]\naddress = {address(n)}\naddress = {address(n, 'rep')}\n" for n in NODES)
    return (f"[cluster]\nname = chaos\nkey-file = /etc/hamon/cluster.key\nprofile = {PROFILE}\n{nodes}"
            f"[witness {WITNESS}]\naddress = {address(WITNESS)}\n{sections}")


def start(with_postgres=False):
    return Trio.start(data_mib=DATA_WITH_POSTGRES_MIB if with_postgres else DATA_MIB, extra_disks={"raw": DATA_MIB << 20}, faulty=DISKS)
