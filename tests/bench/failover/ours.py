# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our cluster under the benchmark: a mirror, and one service that is a mount, a unit and an address."""

import json
import re

from cluster import sync_ledger
from cluster.cluster import MIRROR, NODES, Cluster
from load import Load
from vmbed import Trio
from vmbed.net import SERVICE_ADDRESS

PROFILE = "normal"
# Reasons in hamon's events on the node that takes over, in words.
PHASES = [("node-dead", "silence noticed"), ("takeover-decided", "record decided"), ("takeover-fenced", "own export revoked"),
          ("takeover-assembled", "array runs"), ("service-up", "mounted, unit started")]
LEAVE_PHASES = [("node-dead", "silence noticed"), ("leg-leaving", "leave begun"), ("leg-left", "record decided and leg detached")]


class Ours:
    name, title = "ours", "hamon"
    events = ["power-cut", "secondary-cut", "link-cut", "move", "witness-off"]

    @staticmethod
    def machines():
        return Trio.start()

    def __init__(self, trio):
        self.trio = trio
        self.cluster = Cluster(trio.vms, SERVICE_ADDRESS)

    def set_up(self):
        for node in NODES:
            sync_ledger.install(self.trio.vms[node])
        self.cluster.configure(profile=PROFILE, units=[sync_ledger.UNIT])
        for node in NODES:
            self.cluster.wait(f"{node} hears everybody", lambda n=node: self.cluster.hears_all(n), 60)
        self.cluster.create()
        self.cluster.make_file_system()
        self.cluster.join()

    def start_load(self):
        return Load(self.trio, SERVICE_ADDRESS)

    def settings(self):
        text = self.trio.node_a.check("cat /etc/hamon/hamon.conf")
        return [("/etc/hamon/hamon.conf", text), ("versions", self.trio.node_a.check("nbdd --version; mdadm --version 2>&1").strip())]

    def primary(self):
        """The node that serves. One that is cut off calls itself primary, too, until it hears of its successor: its lease is over."""
        def serves(node):
            mirror = self.cluster.mirror(node)
            return mirror.get("role") == "primary" and (mirror.get("lease") or {}).get("valid")
        return next((n for n in NODES if self.trio.vms[n].running() and serves(n)), None)

    def wait_whole(self, limit_s):
        """Until one node is primary with both legs in sync and everybody hears everybody; returns that node."""
        def whole():
            node = self.primary()
            return bool(node) and self.cluster.is_redundant(node) and all(self.cluster.hears_all(n) for n in NODES)
        self.cluster.wait("redundant again", whole, limit_s, poll_s=1.0)
        return self.primary()

    def move(self, primary):
        self.trio.vms[primary].check(f"hamonctl switchover {MIRROR}", timeout=60)

    def moved(self):
        """After a move: nothing to undo."""

    def timeline(self, event, node, since_wall):
        """{phase in words: seconds after the event} as `node` saw it."""
        events = json.loads(self.trio.vms[node].check("hamonctl events --json", timeout=20))["events"]
        found = {}
        for reason, words in LEAVE_PHASES if event == "secondary-cut" else PHASES:
            at = [e["time"] - since_wall for e in events if e["reason"] == reason and e["time"] > since_wall]
            if at:
                found[words] = round(at[0], 3)
        return found

    def effects(self, node, begin_wall):
        """{effect: ms} of hamon-act on `node` since then."""
        out = self.trio.vms[node].check(f"journalctl -b -o cat -u hamon-act --since=@{begin_wall:.0f}", timeout=30)
        found = {}
        for effect, ms in re.findall(r"mirror \S+: (\S+) done in (\d+) ms", out):
            found.setdefault(effect, int(ms))
        return found

    def end(self):
        """Nothing of it is left outside the machines."""
