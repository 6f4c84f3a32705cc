# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a large write costs an NBD client more packets than others: nbd.ko gives a request to TCP page by page (sends.c)."""

from vmbed import net

SENDS_PORT = 7790


def measure(meter, seconds):
    """[{"piece" in bytes, "packets" of a request of 256 KiB towards node-b, "mb_s"}]: TCP alone, one request at a time, given to it in pieces or in one."""
    a, b = meter.vms
    b.check(f"systemd-run --quiet --collect --unit=bench-sends /usr/local/sbin/sends {SENDS_PORT} && for i in $(seq 100); do ss -Hltn sport = {SENDS_PORT} | grep -q . && exit 0; sleep 0.1; done; exit 1")
    found = []
    for piece in (4 << 10, 256 << 10):
        before = meter.sample()
        requests, rate = a.check(f"/usr/local/sbin/sends {net.address('node-b', 'rep')} {SENDS_PORT} {piece} {seconds}", timeout=seconds + 60).split()
        found.append({"piece": piece, "packets": (meter.sample().packets[0] - before.packets[0]) / int(requests), "mb_s": float(rate) * (256 << 10) / 1e6})
    b.check("systemctl stop bench-sends")
    return found
