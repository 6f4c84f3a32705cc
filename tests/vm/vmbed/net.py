# SPDX-License-Identifier: LGPL-2.1-or-later
"""The networks of a bed: one network namespace with a bridge per network and one tap per VM interface.

Nothing touches the host's own network; deleting the namespace removes everything. The host's side of each bridge has
address .254, so processes run in the namespace are clients "outside the nodes".

    lan 10.99.0.0/24   node-a .1  node-b .2  witness .3  clients .254  service address .100
    rep 10.99.1.0/24   node-a .1  node-b .2
"""

import subprocess

NETWORKS = {"lan": 0, "rep": 1}
HOSTS = {"node-a": 1, "node-b": 2, "witness": 3}
SERVICE_ADDRESS = "10.99.0.100"
CLIENT_ADDRESS = "10.99.0.254"


def address(node, link="lan"):
    return f"10.99.{NETWORKS[link]}.{HOSTS[node]}"


def outside(link="lan"):
    """The clients' address on that network."""
    return f"10.99.{NETWORKS[link]}.254"


def mac(node, link):
    """The guest derives its address from this: last two bytes are network and host (guest/usr/local/sbin/bed-net)."""
    return f"52:54:00:99:{NETWORKS[link]:02x}:{HOSTS[node]:02x}"


def tap(node, link):
    return f"{node}-{link}"


class Net:
    def __init__(self, netns):
        self.netns = netns

    def create(self, links):
        """Make the namespace, the bridges, and the taps of `links`, a list of (node, link)."""
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        lines = ["link set lo up"]
        for link, number in NETWORKS.items():
            lines += [f"link add {link} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
                      f"addr add 10.99.{number}.254/24 dev {link}", f"link set {link} up"]
        for node, link in links:
            name = tap(node, link)
            lines += [f"tuntap add dev {name} mode tap", f"link set {name} master {link}", f"link set {name} up"]
        self._ip(lines)

    def cut(self, node, link):
        """Drop every frame of this link, both ways. The guest keeps its carrier, as behind a dead switch."""
        self._ip([f"link set {tap(node, link)} down"])

    def mend(self, node, link):
        self._ip([f"link set {tap(node, link)} up"])

    def argv(self, argv):
        """`argv` as it must be started to run inside the namespace."""
        return ["ip", "netns", "exec", self.netns, *map(str, argv)]

    def delete(self):
        subprocess.run(["ip", "netns", "del", self.netns], check=False, stderr=subprocess.DEVNULL)

    def _ip(self, lines):
        subprocess.run(["ip", "-netns", self.netns, "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)
