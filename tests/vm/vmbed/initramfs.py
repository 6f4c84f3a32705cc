# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small initramfs: busybox, the virtio drivers, mount, switch_root. Debian's own takes seconds more under emulation.

All virtio drivers are loaded here, so that no boot waits for udev to come round to the network or the agent's port.
"""

import os
import re

DRIVERS = ["virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng"]

INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod "$module"; done
while [ ! -b /dev/vda ]; do /bin/busybox sleep 0.05; done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/busybox reboot -f
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""


def build(tree, release, target):
    """Write the initramfs for the kernel `release` of the unpacked guest `tree` to the file `target`, uncompressed."""
    with open(target, "wb") as out:
        for folder in ("bin", "dev", "modules", "root"):
            _entry(out, folder, 0o040755)
        _entry(out, "dev/console", 0o020600, device=(5, 1))
        _entry(out, "bin/busybox", 0o100755, (tree / "bin/busybox").read_bytes())
        _entry(out, "init", 0o100755, INIT.encode())
        for n, path in enumerate(_module_files(tree, release)):
            _entry(out, f"modules/{n:02}-{os.path.basename(path)}", 0o100644, (tree / "lib/modules" / release / path).read_bytes())
        _entry(out, "TRAILER!!!", 0)


def _module_files(tree, release):
    """Paths of DRIVERS and what they need, in the order in which insmod must see them."""
    needs = {}
    for line in (tree / "lib/modules" / release / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {re.sub(r"\.ko.*", "", os.path.basename(p)).replace("-", "_"): p for p in needs}
    order = []

    def add(path):
        for needed in reversed(needs[path]):
            add(needed)
        if path not in order:
            order.append(path)

    for name in DRIVERS:
        if name in by_name:  # else it is built in
            add(by_name[name])
    return order


def _entry(out, name, mode, data=b"", device=(0, 0)):
    """One member of a "newc" cpio archive: magic, 13 fields of 8 hex digits, name, data, each padded to 4 bytes."""
    raw = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0]
    out.write(b"070701" + "".join(f"{f:08X}" for f in fields).encode())
    out.write(raw + b"\0" * (-(110 + len(raw)) % 4))
    out.write(data + b"\0" * (-len(data) % 4))
