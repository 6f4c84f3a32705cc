# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two nodes and a witness, with their networks, as one thing that a test makes and that cleans up after itself.

    with Trio.start() as trio:
        trio.node_a.check("hamonctl status")
        trio.cut("node-a", "rep")
        trio.node_b.power_cut()

At the end everything that was started is gone, however the test ended: a leash process outlives a killed test and does it then.
The logs of a test that failed stay in build/vm/run-*.
"""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import diagnose, image, settings
from .leash import Leash
from .net import Net
from .vm import Vm

LINKS = {"node-a": ["lan", "rep"], "node-b": ["lan", "rep"], "witness": ["lan"]}


class Trio:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.net = Net((self.folder / "netns").read_text().strip())
        self.vms = {name: Vm.load(self.folder / name) for name in LINKS if (self.folder / name / "vm.json").exists()}
        self._leash = None

    @classmethod
    def create(cls, data_mib=settings.DATA_MIB, extra_disks=None, append="", watchdog=False, faulty=(), zeroing=(), only=tuple(LINKS), ours=True, more=()):
        """Make networks and machines (`only` these); all are off. `extra_disks` ({name: bytes}) become vdc, vdd, ... of both nodes;
        `append` goes to the kernel command line; the disks named in `faulty` can be hung, slowed and made to fail, those in `zeroing` read zeroes after a discard (disk.py); without `ours`
        the machines have none of our packages; `more` are packages of Debian that they have besides."""
        guest = image.ensure(ours=ours, more=more)
        stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        folder = settings.WORK / f"run-{stamp}"
        folder.mkdir(parents=True)
        netns = f"nbdd-{stamp}"
        (folder / "netns").write_text(netns + "\n")
        try:
            Net(netns).create([(node, link) for node in only for link in LINKS[node]])
            for node in only:
                links = LINKS[node]
                witness = node == "witness"
                disks = {} if witness else {"data": data_mib << 20, **(extra_disks or {})}
                Vm.create(guest, folder / node, node, netns, links, settings.WITNESS_MIB if witness else settings.NODE_MIB,
                          disks, append=append, watchdog=watchdog, faulty=[] if witness else faulty, zeroing=[] if witness else zeroing)
        except BaseException:
            Net(netns).delete()
            shutil.rmtree(folder)
            raise
        return cls(folder)

    @classmethod
    def start(cls, before_boot=None, **more):
        """create(), on a leash, and booted: what a test puts behind `with`. `before_boot(trio)` may prepare disks while all are off."""
        trio = cls.create(**more)
        trio._leash = Leash(trio.folder)
        try:
            if before_boot:
                before_boot(trio)
            trio.boot()
        except BaseException:
            trio.close(failed=True)
            raise
        return trio

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close(failed=kind is not None)

    def __getitem__(self, name):
        return self.vms[name]

    node_a = property(lambda self: self.vms["node-a"])
    node_b = property(lambda self: self.vms["node-b"])
    witness = property(lambda self: self.vms["witness"])

    def boot(self, timeout_s=settings.BOOT_TIMEOUT_S):
        """Power on every machine that is off and wait until all are up."""
        for vm in self.vms.values():
            if not vm.running():
                vm.boot()
        self.each(lambda vm: vm.wait_ready(timeout_s))

    def each(self, function, names=None):
        """Call function(vm) for the named machines (default: all) at once; returns {name: result}."""
        names = list(names or self.vms)
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(lambda name: function(self.vms[name]), names)))

    def cut(self, node, link):
        self.net.cut(node, link)

    def mend(self, node=None, link=None):
        """Mend one link, or all."""
        for name in self.vms:
            for each in LINKS[name]:
                if node in (None, name) and link in (None, each):
                    self.net.mend(name, each)

    def client_argv(self, argv):
        """`argv` as a process outside the nodes: on the host, in the bed's network namespace."""
        return self.net.argv(argv)

    def client(self, argv, **more):
        """subprocess.run() of a client outside the nodes."""
        return subprocess.run(self.client_argv(argv), **more)

    def client_start(self, argv, **more):
        """subprocess.Popen() of a client outside the nodes; ending it is the caller's."""
        return subprocess.Popen(self.client_argv(argv), **more)

    def raw(self, node, disk="data"):
        """Path of the raw disk of a node that is off."""
        if self.vms[node].running():
            raise RuntimeError(f"{node} is on: its disk '{disk}' is not complete in the file")
        return self.vms[node].disks[disk].path

    def stop(self):
        """Power off everything and delete the networks; the folder stays."""
        for vm in self.vms.values():
            vm.power_cut()
        self.net.delete()

    def drop_disks(self):
        """Delete the disks, which are large, unless NBDD_VM_KEEP_DISKS=1 asks for them."""
        if not os.environ.get("NBDD_VM_KEEP_DISKS"):
            for disk in self.folder.glob("*/*.img"):
                disk.unlink(missing_ok=True)

    def close(self, failed=False):
        """stop(); the folder goes, too, unless the test failed: then its logs stay (and its disks with NBDD_VM_KEEP_DISKS=1)."""
        try:
            if failed:
                diagnose.collect(self)
        finally:
            self.stop()
            if self._leash:
                self._leash.release()
        if not failed:
            shutil.rmtree(self.folder)
            return
        self.drop_disks()
        print(f"vm: logs of the machines: {self.folder}", file=sys.stderr, flush=True)
