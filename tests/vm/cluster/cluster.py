# SPDX-License-Identifier: LGPL-2.1-or-later
"""A configured cluster on a bed of two nodes and a witness: what a person would type, and what a person would look at.

Everything goes through the installed commands (hamonctl, nbdd, systemctl) in the guests; decisions of a test are taken from
`hamonctl status --json` and from the disks, never from a log.
"""

import json
import secrets
import time

from vmbed import settings

NODES = ("node-a", "node-b")
WITNESS = "witness"
MIRROR = "data"
MOUNT = "/srv/data"
LEG_DATA_START = 1 << 20  # the md member begins here (docs/ARCHITECTURE.md, leg layout)


class Failed(AssertionError):
    """What a test expected did not come true; the message says what was seen instead."""


def configuration(address, mount=MOUNT, units=(), profile="normal", timers=(), watchdog=None, service_lines=(), more="", device="/dev/vdb", mirror_lines=()):
    """`service_lines`: more of [service data]; `mirror_lines`: of [mirror data]; `more`: whole sections behind it."""
    watchdog_line = f"watchdog = {watchdog}\n" if watchdog else ""
    unit_lines = "".join(f"unit = {unit}\n" for unit in units)
    more_lines = "".join(f"{line}\n" for line in service_lines)
    mirror_more = "".join(f"{line}\n" for line in mirror_lines)
    timer_lines = "[timers]\n" + "".join(f"{line}\n" for line in timers) if timers else ""
    service = f"[service {MIRROR}]\nmount = {mount}\ntype = ext4\naddress = {address}/24\ninterface = eth0\n{unit_lines}{more_lines}" if mount else ""
    return f"""[cluster]
name = bed
key-file = /etc/hamon/cluster.key
profile = {profile}
{timer_lines}
[node node-a]
address = 10.99.0.1
address = 10.99.1.1
{watchdog_line}[node node-b]
address = 10.99.0.2
address = 10.99.1.2
{watchdog_line}[witness witness]
address = 10.99.0.3
[mirror {MIRROR}]
id = 0xd1
device = node-a:{device}
device = node-b:{device}
{mirror_more}{service}{more}"""


class Cluster:
    def __init__(self, vms, service_address):
        """`vms`: {name: Vm} of node-a, node-b and witness, all up."""
        self.vms = vms
        self.service_address = service_address
        self.key = secrets.token_hex(32)

    def configure(self, **options):
        """Give all three the configuration and the key, and start everything."""
        self._write(options)
        for name in NODES:
            self.vms[name].check("systemctl start nbdd hamon-act hamon")
        self.vms[WITNESS].check("systemctl start hamon-witness")

    def reconfigure(self, **options):
        """Another configuration while everything runs: daemons restart, running arrays and services are adopted."""
        self._write(options)
        for name in NODES:
            self.vms[name].check("systemctl restart hamon-act hamon")
        self.vms[WITNESS].check("systemctl restart hamon-witness")

    def _write(self, options):
        for vm in self.vms.values():
            self.put_configuration(vm, **options)

    def put_configuration(self, vm, **options):
        """Configuration and key for one machine, which may have been installed anew."""
        vm.check("mkdir -p /etc/hamon")
        vm.put("/etc/hamon/hamon.conf", configuration(self.service_address, **options).encode())
        vm.put("/etc/hamon/cluster.key", f"{self.key}\n".encode())
        vm.check("chown root:hamon /etc/hamon/cluster.key && chmod 640 /etc/hamon/cluster.key")

    # -- looking

    def status(self, node):
        """The parsed status, or None while hamon does not answer."""
        code, out, _ = self.vms[node].run("hamonctl status --json", timeout=20)
        try:
            return json.loads(out) if out.strip() else None
        except json.JSONDecodeError as error:
            raise Failed(f"{node}: hamonctl status --json (exit {code}) printed no JSON: {out[:300]!r}") from error

    def mirror(self, node):
        status = self.status(node)
        if not status:
            return {}
        return next((m for m in status["mirrors"] if m["name"] == MIRROR), {})

    def wait(self, what, condition, timeout_s, poll_s=0.5):
        """Wait until condition() is true, for so long on two quiet cores (settings.PATIENCE); returns the seconds it took."""
        start, timeout_s = time.monotonic(), timeout_s * settings.PATIENCE
        while time.monotonic() - start < timeout_s:
            if condition():
                return time.monotonic() - start
            time.sleep(poll_s)
        raise Failed(f"waited {timeout_s:.0f} s for: {what}\n{self.story()}")

    def story(self):
        """What both nodes say, for a failure message."""
        lines = []
        for name, vm in self.vms.items():
            if not vm.running():
                lines.append(f"--- {name}: off")
                continue
            try:
                unit = "hamon-witness" if name == WITNESS else "hamon -u hamon-act -u nbdd -u nbdc@nbd0"
                _, out, err = vm.run(f"hamonctl status; cat /proc/mdstat; journalctl -b --no-pager -o short-monotonic -n 40 -u {unit}", timeout=30)
                lines.append(f"--- {name}:\n{out}{err}")
            except (RuntimeError, TimeoutError) as error:
                lines.append(f"--- {name}: {error}")
        return "\n".join(lines)

    def hears_all(self, node):
        """Does this node hear the other node and the witness?"""
        status = self.status(node)
        return bool(status) and all(n["alive"] for n in status["nodes"] if not n.get("self"))

    def is_primary(self, node):
        return self.mirror(node).get("role") == "primary"

    def is_redundant(self, node):
        return self.is_primary(node) and self.mirror(node).get("health") == "ok"

    # -- doing

    def create(self, timeout_s=120, overwrite=True):
        self.vms["node-a"].check(f"hamonctl mirror create {MIRROR}{' --overwrite' if overwrite else ''}", timeout=timeout_s)
        self.wait("node-a is primary", lambda: self.is_primary("node-a"), timeout_s)

    def join(self, timeout_s=400):
        self.vms["node-b"].check(f"hamonctl mirror join {MIRROR} --overwrite", timeout=60)
        return self.wait("both legs are in sync", lambda: self.is_redundant("node-a"), timeout_s)

    def make_file_system(self, then=None):
        """`then`: a command behind it, where hamon does not try to mount by itself any more."""
        vm = self.vms["node-a"]
        # hamon tries to mount it all the time, and fsck has it for a moment: mkfs says "in use" then.
        vm.check(f"for i in $(seq 20); do out=$(mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/md/{MIRROR} 2>&1) && exit 0; case $out in *'in use by the system'*) sleep 0.5 ;; *) break ;; esac; "
                 f"done; echo \"$out\" >&2; exit 1", timeout=120)
        if then:
            vm.check(then, timeout=120)
        self.wait(f"{MOUNT} is mounted on node-a", lambda: vm.run(f"mountpoint -q {MOUNT}")[0] == 0, 60)

    def freeze_and_cut(self, primary):
        """Quiesce the file system, then the plug of both nodes at once: whatever is on the disks then was flushed."""
        self.vms[primary].check(f"sync; if mountpoint -q {MOUNT}; then fsfreeze -f {MOUNT}; fi; blockdev --flushbufs /dev/md/{MIRROR}", timeout=60)
        for name in NODES:
            self.vms[name].power_cut()


def md_data_range(image):
    """(first byte, end byte) of the md data area in a raw leg file: data_offset and size of the version-1.2 superblock."""
    with open(image, "rb") as file:
        file.seek(LEG_DATA_START + 4096)
        superblock = file.read(256)
    if int.from_bytes(superblock[0:4], "little") != 0xA92B4EFC:
        raise Failed(f"{image}: no md superblock at {LEG_DATA_START + 4096}")
    offset_sectors = int.from_bytes(superblock[128:136], "little")
    size_sectors = int.from_bytes(superblock[80:88], "little")
    start = LEG_DATA_START + offset_sectors * 512
    return start, start + size_sectors * 512


def differing_blocks(image_a, image_b, block_bytes=4096):
    """Byte offsets into the data area at which two powered-off legs differ."""
    (start_a, end_a), (start_b, end_b) = md_data_range(image_a), md_data_range(image_b)
    if end_a - start_a != end_b - start_b:
        raise Failed(f"data areas have different sizes: {end_a - start_a} and {end_b - start_b}")
    found = []
    with open(image_a, "rb") as a, open(image_b, "rb") as b:
        a.seek(start_a)
        b.seek(start_b)
        for at in range(0, end_a - start_a, 1 << 20):
            length = min(1 << 20, end_a - start_a - at)
            one, two = a.read(length), b.read(length)
            if one != two:
                found += [at + i for i in range(0, length, block_bytes) if one[i:i + block_bytes] != two[i:i + block_bytes]]
    return found
