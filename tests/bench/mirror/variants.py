# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mirrors that are compared: how each is made over the same two disks and the same link, loses its peer's half, gets it back, and goes away.

A mirror is made with both halves taken for equal, so that it is complete at once. All md mirrors are made alike, with what hamon-act sets
(hamon/act/array.c); they differ in what carries the peer's half to node-a.
"""

import json
import secrets
import time
import uuid

from vmbed.net import address

DISK = "/dev/vdb"
PEER = address("node-b", "rep")
MD_CONFIG = "CREATE bbl=no\nAUTO -all\nHOMEHOST <none>\n"
CHUNK_KIB = 4096  # array_chunk_bytes() of a disk under 1 TiB
SAFE_MODE_S = 5   # ARRAY_SAFE_MODE_S
LEG = "0x1"
TLS_PORT, PLAIN_PORT, OTHER_PORT, NVME_PORT, DRBD_PORT = 4343, 4345, 10809, 4420, 7789
NQN = "nqn.2026-11.bench:mirror"
SERVER_UNIT = f"""[Service]
LoadCredential=keys.psk:/etc/nbdd/keys.psk
ExecStart=
ExecStart=/usr/sbin/nbdd --serve --tls-psk keys.psk --listen {TLS_PORT} --listen {PLAIN_PORT},tls=off
"""


class Local:
    """The disk of node-a alone: what all are measured against."""

    name, title, device, mirrored = "local", "local disk alone", DISK, False

    def __init__(self, a, b):
        self.a, self.b = a, b

    def up(self):
        pass

    def down(self):
        pass


class Md:
    device, mirrored = "/dev/md7", True

    def __init__(self, a, b):
        self.a, self.b = a, b

    def up(self):
        self.serve()
        self.leg = self.attach()
        self.a.put("/tmp/mdadm.conf", MD_CONFIG.encode())
        self.a.check(f"mdadm --create {self.device} --config=/tmp/mdadm.conf --name=bench --homehost=hamon --run --quiet --metadata=1.2 --level=1 "
                     f"--raid-devices=2 --bitmap=internal --bitmap-chunk={CHUNK_KIB} --data-offset=1M --assume-clean {DISK} --write-mostly {self.leg} && "
                     f"echo {SAFE_MODE_S} >/sys/block/md7/md/safe_mode_delay", timeout=60)

    def down(self):
        self.a.check(f"mdadm --stop {self.device} --quiet", timeout=60)
        self.detach()
        self.unserve()
        for vm in (self.a, self.b):
            vm.check(f"dd if=/dev/zero of={DISK} bs=1M count=2 conv=fsync status=none")

    def out(self):
        self.a.check(f"mdadm {self.device} --quiet --fail {self.leg} && udevadm settle && mdadm {self.device} --quiet --remove {self.leg}", timeout=60)

    def back(self):
        self.a.check(f"mdadm {self.device} --quiet --re-add {self.leg}", timeout=60)

    def whole(self):
        """All of the peer's half anew."""
        self.out()
        self.a.check(f"mdadm --zero-superblock {self.leg} && mdadm {self.device} --quiet --add --write-mostly {self.leg}", timeout=60)

    def complete(self):
        """Whether both halves are in sync."""
        state, degraded = self.a.check("cat /sys/block/md7/md/sync_action /sys/block/md7/md/degraded").split()
        return state == "idle" and degraded == "0"


class ByNbdc(Md):
    """The kernel's NBD client, as nbdc attaches it."""

    leg_path = "/dev/nbd0"

    def attach(self):
        self.a.check("mkdir -p /run/nbdc; systemctl reset-failed nbdc@nbd0 2>/dev/null; "
                     f"echo 'NBDC_ARGS=--optional {self.arguments} {self.leg_path}' >/run/nbdc/nbd0.env; systemctl start nbdc@nbd0")
        state = json.loads(self.a.check(f"nbdc --status {self.leg_path} --json"))
        if state["state"] != "ATTACHED" or bool(state["tls"]) != self.tls:
            raise RuntimeError(f"{self.name}: {state}")
        return self.leg_path

    def detach(self):
        self.a.check(f"nbdc --detach {self.leg_path} --decided 1", timeout=30)


class Ours(ByNbdc):
    name, title, tls, port = "ours", "ours", False, PLAIN_PORT

    def serve(self):
        session, epoch = uuid.uuid4(), int(time.time())  # each higher than the last
        self.b.check(f"leg-grant {LEG} {DISK} {epoch} {session}", timeout=60)
        key = "--tls-psk /etc/nbdc.psk " if self.tls else ""
        self.arguments = f"{key}--epoch {epoch} --session {session} {PEER} {self.port} {LEG}"

    def unserve(self):
        self.b.check(f"leg-grant {LEG}", timeout=60)


class OursTls(Ours):
    name, title, tls, port = "ours-ktls", "ours, kTLS", True, TLS_PORT

    def attach(self):
        leg = super().attach()
        stat = dict(line.split() for line in self.b.check("cat /proc/net/tls_stat").splitlines())
        if (stat["TlsCurrTxSw"], stat["TlsCurrRxSw"]) == ("0", "0"):
            raise RuntimeError("the kernel of node-b does not handle the records")
        return leg


class OursCached(ByNbdc):
    """The same server with an ordinary export, which answers a write from its page cache as nbd-server and nbdkit do: what a leg pays for being safe."""

    name, title, tls = "ours-cached", "md + nbdd, page cache", False
    arguments = f"{PEER} {PLAIN_PORT} {LEG}"

    def serve(self):
        self.b.check(f"nbdd -m -d {DISK} -i {LEG} && nbdd --start -i {LEG}", timeout=60)

    def unserve(self):
        self.b.check(f"nbdd --stop -i {LEG} && nbdd -r -i {LEG}", timeout=60)


class NbdServer(ByNbdc):
    name, title, tls = "nbd-server", "md + nbd-server", False
    arguments = f"--wait {PEER} {OTHER_PORT} {LEG}"  # under load they are slow to answer the first time

    def serve(self):
        self.b.put("/tmp/nbd-server.conf", f"[generic]\nport = {OTHER_PORT}\n[{LEG}]\nexportname = {DISK}\nflush = true\nfua = true\n".encode())
        self.b.check("systemd-run --quiet --collect --unit=bench-server --property=Type=forking nbd-server -C /tmp/nbd-server.conf -p /run/nbd-server.pid")

    def unserve(self):
        self.b.check("systemctl stop bench-server")


class Nbdkit(ByNbdc):
    name, title, tls = "nbdkit", "md + nbdkit", False
    arguments = f"--wait {PEER} {OTHER_PORT} {LEG}"  # under load they are slow to answer the first time

    def serve(self):
        self.b.check(f"systemd-run --quiet --collect --unit=bench-server nbdkit -f -p {OTHER_PORT} file {DISK} && "
                     f"for i in $(seq 100); do ss -Hltn sport = {OTHER_PORT} | grep -q . && exit 0; sleep 0.1; done; exit 1")

    def unserve(self):
        self.b.check("systemctl stop bench-server")


class Nvme(Md):
    name, title = "nvme-tcp", "md + nvme-tcp"
    TARGET = f"/sys/kernel/config/nvmet/subsystems/{NQN}"
    PORT = "/sys/kernel/config/nvmet/ports/1"

    def serve(self):
        self.b.check(f"modprobe nvmet-tcp; mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config; "
                     f"mkdir -p {self.TARGET}/namespaces/1 {self.PORT} && cd {self.TARGET} && echo 1 >attr_allow_any_host && "
                     f"echo {DISK} >namespaces/1/device_path && echo 1 >namespaces/1/enable && cd {self.PORT} && echo tcp >addr_trtype && "
                     f"echo ipv4 >addr_adrfam && echo {PEER} >addr_traddr && echo {NVME_PORT} >addr_trsvcid && ln -s {self.TARGET} subsystems/{NQN}")

    def attach(self):
        out = self.a.check("modprobe nvme-tcp; exec 3<>/dev/nvme-fabrics && "
                           f"printf 'transport=tcp,traddr={PEER},trsvcid={NVME_PORT},nqn={NQN},hostnqn=nqn.2026-11.bench:host,"
                           f"hostid={uuid.uuid4()}' >&3 && cat <&3; exec 3>&-; "
                           "for i in $(seq 100); do ls /dev/nvme*n1 2>/dev/null && exit 0; sleep 0.1; done; exit 1")
        return out.split()[-1]

    def detach(self):
        self.a.check("for c in /sys/class/nvme/nvme*; do echo 1 >$c/delete_controller; done", timeout=60)

    def unserve(self):
        self.b.check(f"rm {self.PORT}/subsystems/{NQN}; rmdir {self.PORT}; echo 0 >{self.TARGET}/namespaces/1/enable; "
                     f"rmdir {self.TARGET}/namespaces/1 {self.TARGET}")


class Drbd:
    name, title, device, mirrored = "drbd", "DRBD 8.4, protocol C", "/dev/drbd0", True
    CONFIG = f"""global {{ usage-count no; }}
resource bench {{
    net {{ protocol C; }}
    device /dev/drbd0; disk {DISK}; meta-disk internal;
    on node-a {{ address {address("node-a", "rep")}:{DRBD_PORT}; }}
    on node-b {{ address {PEER}:{DRBD_PORT}; }}
}}
"""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def up(self):
        for vm in (self.a, self.b):
            vm.put("/etc/drbd.conf", self.CONFIG.encode())
            vm.check("modprobe drbd; drbdadm -- --force create-md bench && drbdadm up bench", timeout=90)
        self._until("cs:Connected")
        self.a.check("drbdadm -- --clear-bitmap new-current-uuid bench")
        self._until("ds:UpToDate/UpToDate")
        self.a.check("drbdadm primary bench && udevadm settle")

    def down(self):
        self.a.check("drbdadm secondary bench; drbdadm down bench", timeout=60)
        self.b.check("drbdadm down bench", timeout=60)
        for vm in (self.a, self.b):
            vm.check(f"modprobe -r drbd; dd if=/dev/zero of={DISK} bs=1M count=2 conv=fsync status=none; "
                     f"dd if=/dev/zero of={DISK} bs=1M seek=$(($(blockdev --getsize64 {DISK}) / 1048576 - 1)) count=1 conv=fsync status=none")

    def out(self):
        self.a.check("drbdadm disconnect bench", timeout=60)

    def back(self):
        self.a.check("drbdadm connect bench", timeout=60)

    def whole(self):
        self.a.check("drbdadm invalidate-remote bench", timeout=60)

    def complete(self):
        return "cs:Connected" in (text := self.a.check("cat /proc/drbd")) and "ds:UpToDate/UpToDate" in text

    def _until(self, word):
        self.a.check(f"for i in $(seq 300); do grep -q {word} /proc/drbd && exit 0; sleep 0.1; done; cat /proc/drbd >&2; exit 1", timeout=60)


ALL = (Local, Ours, OursTls, Drbd, Nvme, NbdServer, Nbdkit, OursCached)


def prepare(a, b):
    """Keys and nbdd's addresses, once."""
    key = f"node-a:{secrets.token_hex(32)}\n"
    for vm, path in ((b, "/etc/nbdd/keys.psk"), (a, "/etc/nbdc.psk")):
        vm.check(f"install -D -m 600 /dev/null {path}")
        vm.put(path, key.encode())
    b.check("mkdir -p /etc/systemd/system/nbdd.service.d")
    b.put("/etc/systemd/system/nbdd.service.d/bench.conf", SERVER_UNIT.encode())
    b.check("systemctl daemon-reload; systemctl restart nbdd")
