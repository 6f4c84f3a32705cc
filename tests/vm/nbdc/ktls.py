# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pair of machines with an encrypted NBD connection between them: what test-ktls and soak-ktls share."""

import os
import re
import secrets
import subprocess
import sys
import time

from client import Node, evidence, expect
from vmbed import settings
from vmbed.net import CLIENT_ADDRESS, address

# One machine that is its own peer is enough to look at things by hand.
ONE = bool(os.environ.get("NBDD_KTLS_ONE"))
NODES = ("node-a",) if ONE else ("node-a", "node-b")
PEER = address("node-a", "lan") if ONE else address("node-b", "rep")
PLAIN_PORT = 4345
PSK = "/etc/nbdc.psk"
UNIT = """[Service]
LoadCredential=keys.psk:/etc/nbdd/keys.psk
ExecStart=
ExecStart=/usr/sbin/nbdd --serve --tls-psk keys.psk --listen 4343 --listen {port},tls=off
"""


class Pair:
    def __init__(self, trio):
        self.trio = trio
        self.node = Node(trio.node_a)
        self.peer = trio.node_a if ONE else trio.node_b
        self.key = secrets.token_hex(32)

    def prepare(self):
        """nbdd on the peer with a key from systemd, exports 0x12 (a disk) and 0x13 (a file); the key on node-a."""
        self.secret(self.peer, "/etc/nbdd/keys.psk", f"node-a:{self.key}\nother:{secrets.token_hex(32)}\n")
        self.peer.check("mkdir -p /etc/systemd/system/nbdd.service.d /var/lib/store; truncate -s 64M /var/lib/store/disk; chown -R nbdd /var/lib/store")
        self.peer.put("/etc/systemd/system/nbdd.service.d/tls.conf", UNIT.format(port=PLAIN_PORT).encode())
        self.peer.check("systemctl daemon-reload; systemctl restart nbdd")
        self.peer.check("nbdd -m -d /dev/vdb -i 0x12; nbdd --start -i 0x12; nbdd -m -d /var/lib/store/disk -i 0x13; nbdd --start -i 0x13")
        self.secret(self.node.vm, PSK, f"node-a:{self.key}\n")

    @staticmethod
    def secret(vm, path, text):
        vm.check(f"install -D -m 600 /dev/null {path}")
        vm.put(path, text.encode())
        vm.check(f"chmod 600 {path}")

    def attach(self, device, host=PEER, port=4343, export="0x12", records=None, tls=True):
        self.node.vm.check(f"mkdir -p /run/nbdc; systemctl reset-failed nbdc@{device} 2>/dev/null; printf '%s\\n' "
                           f"'NBDC_ARGS={f'--tls-psk {PSK} ' if tls else ''}{host} {port} {export} /dev/{device}' "
                           f"{f'NBDC_TEST_TLS_RECORDS={records}' if records else ''} >/run/nbdc/{device}.env; systemctl start nbdc@{device}")

    def cut(self):
        """Nothing goes over the connection any more; nobody is told."""
        if ONE:
            self.peer.check("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
                            "add rule inet cut in tcp dport 4343 drop; add rule inet cut in tcp sport 4343 drop'")
        else:
            self.trio.cut("node-b", "rep")

    def mend(self):
        if ONE:
            self.peer.check("nft delete table inet cut")
        else:
            self.trio.mend("node-b", "rep")

    def planned(self, device):
        """How many records each planned change of connection took for its reason."""
        journal = self.node.vm.check(f"journalctl -b --no-pager -o cat -u nbdc@{device}")
        return [int(n) for n in re.findall(r"may have protected (\d+) records", journal)]

    def tls_sockets(self, vm):
        """Sockets whose records the kernel of this machine handles now (sent, received)."""
        stat = dict(line.split() for line in vm.check("cat /proc/net/tls_stat").splitlines())
        return int(stat["TlsCurrTxSw"]), int(stat["TlsCurrRxSw"])

    def evidence(self):
        evidence(*{self.node.vm, self.peer})

    def cpu_s(self):
        """Processor seconds of all machines since their boot."""
        total = 0.0
        for vm in {self.node.vm, self.peer}:
            user, nice, system, _, _, irq, softirq = map(int, vm.check("head -n 1 /proc/stat").split()[1:8])
            total += (user + nice + system + irq + softirq) / 100
        return total

    def cpu_per_mib(self, device, mib):
        """Milliseconds of all machines' processors for each MiB that is written, then read: sequential, direct, 256 KiB."""
        result = []
        for direction in (f"if=/dev/zero of=/dev/{device} oflag=direct", f"if=/dev/{device} of=/dev/null iflag=direct"):
            before = self.cpu_s()
            self.node.vm.check(f"dd {direction} bs=256k count={mib * 4} status=none", timeout=120)
            result.append((self.cpu_s() - before) * 1000 / mib)
        return result

    def cipher_ms_per_mib(self):
        """What the guest's processor takes for one MiB of AES-128-GCM in records of 16 KiB, by OpenSSL."""
        out = self.node.vm.check("openssl speed -mr -elapsed -seconds 3 -bytes 16384 -evp aes-128-gcm 2>/dev/null", timeout=60)
        found = re.search(r"^\+F:\d+:[^:]*:([0-9.]+)", out, re.M)
        expect(found, f"openssl says no speed: {out}")
        return 1000 * (1 << 20) / float(found.group(1))


class Proxy:
    """Passes connections of node-a on to the peer, outside both, and can change one byte of what goes by."""

    PORT = 4390

    def __init__(self, trio):
        self.process = trio.client_start([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "flip-proxy"), CLIENT_ADDRESS,
                                          str(self.PORT), PEER, "4343"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(self.process.stdout.readline() == "ready\n", "the proxy does not start")

    def flip(self, direction):
        """direction: "up" (to the server) or "down". Returns when a byte was changed."""
        self.process.stdin.write(direction + "\n")
        self.process.stdin.flush()
        expect(self.process.stdout.readline() == "flipped\n", "nothing went by to be changed")

    def close(self):
        self.process.kill()
        self.process.wait()


def settle(node, device, what, condition, timeout_s=20):
    """node.wait(), and then the writes go on."""
    status = node.wait(device, what, condition, timeout_s)
    deadline = time.monotonic() + timeout_s * settings.PATIENCE
    before = node.vm.check(f"cat /sys/block/{device}/stat").split()[4]
    while node.vm.check(f"cat /sys/block/{device}/stat").split()[4] == before:
        expect(time.monotonic() < deadline, f"{what}: no request completes; {status}")
        time.sleep(0.2)
    return status
