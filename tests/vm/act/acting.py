# SPDX-License-Identifier: LGPL-2.1-or-later
"""hamon-act of one node, driven by its socket as hamon would."""

import json
import os
import time
import uuid
from pathlib import Path

from cluster.cluster import Failed

TOP = Path(__file__).resolve().parents[3]
BUILD = TOP / os.environ.get("BUILD", "build")
ACT_BUILD = TOP / os.environ.get("NBDD_ACT_BUILD", str(BUILD))
SOCKET = "/run/hamon-act/act.sock"


class Acting:
    def __init__(self, vm):
        self.vm = vm
        self.name = vm.name
        self.ticket = 0

    def install(self, config):
        vm = self.vm
        vm.check("systemctl mask --now hamon hamon-leave; mkdir -p /etc/hamon")
        vm.put("/etc/hamon/hamon.conf", config.encode())
        vm.put("/usr/local/bin/act-send", (BUILD / "tests/vm/act/act-send").read_bytes())
        vm.check("chmod 755 /usr/local/bin/act-send")
        if ACT_BUILD != BUILD:
            vm.put("/usr/sbin/hamon-act", (ACT_BUILD / "hamon-act").read_bytes())
        vm.check("systemctl restart nbdd hamon-act")

    def act(self, what, error=0, timeout=60, **fields):
        """One effect; returns the answer. `error`: what is expected."""
        self.ticket += 1
        null = str(uuid.UUID(int=0))
        packet = {"do": what, "mirror": "data", "ticket": str(self.ticket), "epoch": "0", "session": null, "leg": null, "version": "0",
                  "whole": False, "overwrite": False, "lifetime_ms": 0, **fields}
        code, out, err = self.vm.run(f"/usr/local/bin/act-send {SOCKET} {timeout} '{json.dumps(packet)}'", timeout=timeout + 10)
        if not out.strip():
            raise Failed(f"{self.name}: {what} was not answered (exit {code}): {err}")
        answer = json.loads(out)
        if answer["error"] != error:
            raise Failed(f"{self.name}: {what} was answered with {answer['error']}, expected {error}: {answer['detail']}")
        return answer

    def observation(self):
        out = self.vm.run(f"/usr/local/bin/act-send {SOCKET} 1 watch", timeout=20)[1]
        lines = out.strip().splitlines()
        return json.loads(lines[-1]) if lines else {}

    def wait_in_sync(self, timeout_s=240):
        """Both members in sync and md idle, as hamon would see it."""
        start = time.monotonic()
        while time.monotonic() - start < timeout_s:
            o = self.observation()
            if o.get("peer_in_sync") and o.get("own_in_sync") and o.get("sync_idle"):
                return
            if o.get("peer_failed"):
                raise Failed(f"{self.name}: md failed the peer's leg")
        raise Failed(f"{self.name}: the legs were not in sync after {timeout_s} s: {o}")

    def story(self):
        if not self.vm.running():
            return f"--- {self.name}: off"
        _, out, err = self.vm.run("cat /proc/mdstat; journalctl -b --no-pager -o short-monotonic -n 60 -u hamon-act -u nbdd -u nbdc@nbd0; dmesg | tail -n 30")
        return f"--- {self.name}:\n{out}{err}"


def take_over(node, epoch):
    """What a node does with its own leg, in hamon's order; {effect: seconds}."""
    took = {}
    for effect in ("probe", "revoke", "debt-capture", "assemble", "debt-apply", "history"):
        begin = time.monotonic()
        node.act(effect, timeout=300, **({"epoch": str(epoch)} if effect == "history" else {}))
        took[effect] = time.monotonic() - begin
    return took


def begin_join(primary, other, leg, epoch, known, blank=False):
    """The peer's leg to where it can be added to the primary's array, in hamon's order."""
    session = str(uuid.uuid4())
    other.act("grant", epoch=str(epoch), session=session, leg=leg)
    primary.act("note-set")
    primary.act("attach", epoch=str(epoch), session=session)
    answer = primary.act("debt-union")
    if answer["known"] != known:
        raise Failed(f"debt-union says known = {answer['known']}, expected {known}")
    if answer.get("blank", False) != blank:
        raise Failed(f"debt-union says blank = {answer.get('blank')}, expected {blank}")


def join(primary, other, leg, epoch, known, blank=False):
    """Likewise until it is in sync."""
    begin_join(primary, other, leg, epoch, known, blank)
    primary.act("leg-add", whole=not known)
    primary.wait_in_sync()
    primary.act("require")
    if not other.act("check-leg", leg=leg)["permits"]:
        raise Failed(f"{other.name}'s superblock does not permit an assembly alone although its leg is in sync")
    primary.act("debt-drop")
