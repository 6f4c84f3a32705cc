# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens in a round, drawn from the seed and the number of the round alone: a round is the same again however long the ones before it took.

A round has one to three faults, alone or overlapping. Whom a fault hits is drawn as a role, resolved when it begins.
"""

import random
from dataclasses import dataclass

DAEMONS = ("nbdd", "nbdc", "keeper", "hamon", "hamon-act", "witness")
# kind: how often it is drawn against the others.
WEIGHTS = {"power-cut": 5, "both-off": 2, "freeze": 3, "panic": 2, "reset": 1, "link-down": 3, "one-way": 3, "bad-link": 3, "disk-hang": 2, "disk-slow": 1,
           "disk-error": 2, "root-full": 1, "kill": 5, "stop": 4, "restart": 2, "upgrade": 1, "clock": 1, "memory": 1, "witness-off": 2, "switchover": 2}
INSTANT = ("panic", "reset", "kill", "restart", "upgrade", "switchover")
LONGEST_S = 60
WINDOW_S = 15  # the faults of a round begin within this


@dataclass
class Fault:
    kind: str
    who: str           # primary, standby, node-a, node-b, witness
    begins_s: float    # after the beginning of the round
    lasts_s: float
    links: tuple = ()
    disk: str = ""
    daemon: str = ""
    hard: bool = False
    apart_s: float = 0.0
    netem: str = ""
    rate: int = 0
    jump: str = ""
    mirror: str = ""
    node: str = ""     # who it was, once it has begun

    def label(self):
        """What it is in the report: the fault, whom it hits by role, and which daemon."""
        return " ".join(dict.fromkeys(x for x in (self.kind, self.who if self.who != "witness" else "", self.daemon) if x))

    def __str__(self):
        more = " ".join(str(x) for x in ("+".join(self.links), self.netem, self.disk, self.daemon, f"{self.rate} B/s" if self.rate else "", self.jump, self.mirror,
                                         "hard" if self.hard else "", f"apart {self.apart_s:.1f} s" if self.apart_s else "") if x)
        at = f"{self.who} ({self.node})" if self.node and self.node != self.who else self.who
        lasts = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        return f"{self.kind} {at}{' ' + more if more else ''} at {self.begins_s:.1f} s{lasts}"


def draw(seed, number, kinds=None, longest_s=LONGEST_S):
    """The faults of round `number`, by their beginning. One of them comes from a deck of all kinds, so that each has had its turn after as many rounds as
    there are kinds; how many more, and which, is drawn by their weights."""
    dice = random.Random(f"{seed}/{number}")
    names = [k for k in WEIGHTS if not kinds or k in kinds]
    weights = [WEIGHTS[k] for k in names]
    deck = random.Random(f"{seed}/deck").sample(names, len(names))
    more = dice.choices((0, 1, 2), (5, 4, 2))[0]
    drawn = [deck[(number - 1) % len(deck)], *dice.choices(names, weights, k=more)]
    return sorted((_fault(dice, kind, longest_s) for kind in drawn), key=lambda f: f.begins_s)


def _fault(dice, kind, longest_s):
    f = Fault(kind, dice.choices(("primary", "standby"), (3, 2))[0], dice.uniform(0, WINDOW_S), min(longest_s, dice.choice((1, 3, 8, 20, 60)) * dice.uniform(0.6, 1.0)))
    # Every detail is drawn for every kind: a new kind changes nothing of the others.
    f.links = dice.choices((("lan",), ("rep",), ("lan", "rep")), (3, 3, 2))[0]
    f.disk = dice.choice(("data", "raw"))
    f.daemon = dice.choice(DAEMONS)
    f.hard = dice.random() < 0.5
    f.apart_s = dice.choice((0.0, dice.uniform(0, 2), dice.uniform(5, 20)))
    loss, delay_ms = dice.randint(1, 30), dice.choice((1, 20, 100, 400))
    f.rate = dice.choice((16, 64, 256)) << 10
    f.jump = dice.choice(("+1 hour", "-1 hour"))
    f.mirror = dice.choice(("data", "raw"))
    if kind in ("one-way", "bad-link"):
        f.netem = "loss 100%" if kind == "one-way" else f"delay {delay_ms}ms {delay_ms // 4}ms loss {loss}%"
    uses = {"link-down": "links", "one-way": "links", "bad-link": "links", "disk-hang": "disk", "disk-slow": "disk rate", "disk-error": "disk", "kill": "daemon",
            "stop": "daemon", "restart": "daemon", "freeze": "hard", "both-off": "apart_s", "clock": "jump", "switchover": "mirror"}.get(kind, "").split()
    blank = Fault("", "", 0, 0)
    for name in ("links", "disk", "daemon", "hard", "apart_s", "rate", "jump", "mirror"):
        if name not in uses:
            setattr(f, name, getattr(blank, name))
    if kind == "restart" and f.daemon == "keeper":
        f.daemon = "nbdc"
    if kind in INSTANT:
        f.lasts_s = 0.0
    if kind == "switchover":
        f.who = "primary"
    if f.daemon in ("nbdc", "keeper"):
        f.who = "primary"  # nobody else has them
    if kind == "witness-off" or f.daemon == "witness":
        f.who = "witness"
    return f
