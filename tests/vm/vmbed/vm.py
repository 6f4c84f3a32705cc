# SPDX-License-Identifier: LGPL-2.1-or-later
"""One virtual machine: its disks, its QEMU, and the ways to treat it well or badly.

Everything that is known about a VM is in its folder (disks, sockets, pid files, logs) and in vm.json there, so another process
can pick up a running VM with Vm.load(). No method keeps state that matters in memory.

    folder/console.log   serial console, all boots      folder/journal.log   the guest's journal as it was written, all boots
    folder/root.img data.img ...   the raw disks, complete only while the VM is off
"""

import hashlib
import json
import os
import shlex
import signal
import time
from pathlib import Path

from . import net, proc, qmp, settings
from .agent import Agent, GuestError, GuestTimeout
from .disk import Disk


class CommandFailed(RuntimeError):
    """A command in a guest that had to succeed did not."""


class Vm:
    def __init__(self, folder, name, netns, links, memory_mib, kernel, initrd, disks, cpus=1, watchdog=False, append="", faulty=(), zeroing=()):
        self.folder = Path(folder)
        self.name = name
        self.netns = netns
        self.links = links
        self.memory_mib = memory_mib
        self.kernel = kernel
        self.initrd = initrd
        self.disk_names = disks
        self.cpus = cpus
        self.watchdog = watchdog
        self.append = append
        self.faulty = list(faulty)
        self.zeroing = list(zeroing)
        self.disks = {disk: Disk(self.folder, disk, disk in self.faulty, disk in self.zeroing) for disk in disks}
        self.pidfile = self.folder / "qemu.pid"
        self._qmp = self.folder / "qmp.sock"
        self._agent = Agent(self.folder / "agent.sock", name)

    @classmethod
    def create(cls, image, folder, name, netns, links, memory_mib, data_disks, **more):
        """A new machine that is off: a root disk copied from `image`, and empty `data_disks` ({name: bytes}) as vdb, vdc, ..."""
        folder.mkdir(parents=True)
        for file in (image.kernel, image.initrd):
            os.link(file, folder / file.name)  # an image that is rebuilt meanwhile may go
        vm = cls(folder, name, netns, links, memory_mib, image.kernel.name, image.initrd.name, ["root", *data_disks], **more)
        vm.disks["root"].copy_of(image.root)
        for disk, size_bytes in data_disks.items():
            vm.disks[disk].create(size_bytes)
        keep = ("name", "netns", "links", "memory_mib", "kernel", "initrd", "cpus", "watchdog", "append", "faulty", "zeroing")
        state = {key: getattr(vm, key) for key in keep}
        (folder / "vm.json").write_text(json.dumps({**state, "disks": vm.disk_names}))
        return vm

    @classmethod
    def load(cls, folder):
        return cls(folder, **json.loads((Path(folder) / "vm.json").read_text()))

    # -- power

    def running(self):
        return proc.recall(self.pidfile) is not None

    def boot(self):
        """Power on with the disks as they are. Returns at once; see wait_ready()."""
        if self.running():
            raise RuntimeError(f"{self.name} is already on")
        for disk in self.disks.values():
            disk.serve()
        proc.spawn(self._argv(), self.pidfile, cwd=self.folder, log=self.folder / "qemu.log", netns=self.netns)

    def wait_ready(self, timeout_s=settings.BOOT_TIMEOUT_S):
        """Wait until systemd has finished the boot; returns the seconds waited."""
        start = time.monotonic()
        while time.monotonic() - start < timeout_s:
            if not self.running():
                raise RuntimeError(f"{self.name}: QEMU is gone, see {self.folder}/qemu.log and console.log")
            try:
                self._agent.ping(timeout_s=1)
                _, out, _ = self._agent.run(["/bin/systemctl", "is-system-running", "--wait"], timeout_s=60 * settings.PATIENCE)
                if out.strip() in (b"running", b"degraded"):
                    return time.monotonic() - start
            except (GuestTimeout, GuestError):
                pass
            time.sleep(0.05)
        raise GuestTimeout(f"{self.name} was not up after {timeout_s:.0f} s, see {self.folder}/console.log")

    def boot_id(self):
        return self.check("cat /proc/sys/kernel/random/boot_id").strip()

    def wait_new_boot(self, old_boot_id, timeout_s=settings.BOOT_TIMEOUT_S):
        """Wait until the guest has rebooted by itself and is up; returns the seconds waited."""
        start = time.monotonic()
        while time.monotonic() - start < timeout_s:
            try:
                if self.boot_id() != old_boot_id:
                    self.wait_ready(timeout_s)
                    return time.monotonic() - start
            except (GuestTimeout, GuestError, CommandFailed):
                pass
            time.sleep(0.2)
        raise GuestTimeout(f"{self.name} did not reboot in {timeout_s:.0f} s, see {self.folder}/console.log")

    def power_cut(self):
        """Off at once, as by the plug: what the guest did not flush is lost with nbdkit's cache."""
        proc.kill(self.pidfile, *(disk.pidfile for disk in self.disks.values()))

    def shutdown(self, timeout_s=90 * settings.PATIENCE):
        """An orderly shutdown of the guest; a power cut of what is left when it takes too long (then TimeoutError)."""
        try:  # logind is masked in the guest, so not by "shutdown"
            self.check("systemctl start --no-block --job-mode=replace-irreversibly poweroff.target")
        except GuestTimeout:
            pass  # the agent was stopped before it could tell how the command ended; else the wait below fails
        deadline = time.monotonic() + timeout_s
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        late = self.running()
        self.power_cut()
        if late:
            raise TimeoutError(f"{self.name} did not shut down in {timeout_s:.0f} s, see {self.folder}/console.log")

    def reset(self):
        """The reset button: the guest starts again, its disks keep their caches."""
        qmp.command(self._qmp, "system_reset")

    def freeze(self, hard=False):
        """Stop the machine. The guest's clock stands still too, as in a paused VM; with `hard` QEMU itself is stopped and the
        guest's clock jumps at the thaw, as in a machine that was stuck in firmware."""
        if hard:
            proc.kill(self.pidfile, sig=signal.SIGSTOP)
        else:
            qmp.command(self._qmp, "stop")

    def thaw(self, hard=False):
        if hard:
            proc.kill(self.pidfile, sig=signal.SIGCONT)
        else:
            qmp.command(self._qmp, "cont")

    # -- inside

    def run(self, command, timeout=60, stdin=b""):
        """Run a shell command as root; returns (exit code, stdout, stderr) as (int, str, str). GuestTimeout when it is too late."""
        limit_s = timeout * settings.PATIENCE
        argv = ["/usr/bin/timeout", "-k", "2", str(limit_s), "/bin/sh", "-c", command]
        code, out, err = self._agent.run(argv, limit_s + settings.AGENT_GRACE_S, stdin)
        return code, out.decode(errors="replace"), err.decode(errors="replace")

    def check(self, command, timeout=60, stdin=b""):
        """run() that must succeed; returns stdout."""
        code, out, err = self.run(command, timeout, stdin)
        if code != 0:
            raise CommandFailed(f"{self.name}: '{command}' ended with {code}: {(err or out).strip()[-2000:]}")
        return out

    def put(self, path, data, timeout=60):
        """Write a file, durably: a power cut that follows must not be what decides whether it is there."""
        self._agent.put(path, data, timeout * settings.PATIENCE)
        self.check(f"sync {shlex.quote(path)}", timeout)

    def get(self, path, timeout=60):
        return self._agent.get(path, timeout * settings.PATIENCE)

    def address(self, link="lan"):
        return net.address(self.name, link)

    # -- QEMU

    def _argv(self):
        ident = hashlib.sha256(self.name.encode()).hexdigest()[:32]
        command_line = (f"console=ttyS0 root=/dev/vda quiet loglevel=5 panic=5 net.ifnames=0 mitigations=off audit=0 8250.nr_uarts=1 "
                        f"rcupdate.rcu_expedited=1 cryptomgr.notests systemd.show_status=false systemd.hostname={self.name} systemd.machine_id={ident} "
                        f"bed.nics={len(self.links)} {self.append}")
        argv = ["qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config", "-display", "none",
                "-machine", "q35,graphics=off,vmport=off,hpet=on,sata=off,smbus=off,i8042=off", "-accel", settings.ACCEL, "-cpu", settings.CPU,
                "-smp", self.cpus, "-m", self.memory_mib, "-rtc", "base=utc,clock=host",
                "-kernel", self.kernel, "-initrd", self.initrd, "-append", command_line,
                "-qmp", "unix:qmp.sock,server=on,wait=off",
                "-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console",
                "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                "-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off",
                "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
                "-chardev", "file,id=journal,path=journal.log,append=on",
                "-device", "virtserialport,chardev=journal,name=bed.journal"]
        for disk in self.disk_names:
            argv += ["-blockdev", f"driver=nbd,node-name={disk},server.type=unix,server.path={disk}.sock,discard={'unmap' if disk in self.zeroing else 'ignore'}",
                     "-device", f"virtio-blk-pci,drive={disk},serial={disk},write-cache=on,discard={'off' if disk == 'root' else 'on'}"]
        for link in self.links:
            argv += ["-netdev", f"tap,id={link},ifname={net.tap(self.name, link)},script=no,downscript=no",
                     "-device", f"virtio-net-pci,netdev={link},mac={net.mac(self.name, link)},romfile="]
        if self.watchdog:
            argv += ["-device", "i6300esb", "-action", "watchdog=reset"]
        return argv
