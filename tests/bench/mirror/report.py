# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/results/mirror.md from the rounds: medians, spread, ratios within each round, goals met or not, and where a write's cost goes.

Ratios are taken within a round and their median is told: between rounds the machine may do other things.
"""

import statistics

from cluster.distributions import store
from measure import JOBS, OUTAGE_MIB, OUTAGE_WRITES, SIZE_MIB, UNDER_RESYNC_IOPS
from variants import CHUNK_KIB, SAFE_MODE_S

__all__ = ["render", "store"]
COSTS = [("cpu_s", 0, 1e6), ("cpu_s", 1, 1e6), ("writes", 1, 1), ("flushes", 0, 1), ("flushes", 1, 1), ("packets", 0, 1), ("packets", 1, 1)]
WRITES = [name for name, arguments, _ in JOBS if "rw=randwrite" in arguments or "rw=write" in arguments]
# words, job, against whom, how many times
GOALS = [
    ("at least 2 times DRBD 8.4 at depth 1", "4k write, depth 1", "drbd", 2.0),
    ("at least 2 times DRBD 8.4 at depth 1, each write flushed", "4k write, depth 1, flush after each", "drbd", 2.0),
    ("at least 1.2 times DRBD 8.4 at depth 32", "4k write, depth 32", "drbd", 1.2),
    ("at least 1.2 times DRBD 8.4 at depth 32, flushed", "4k write, depth 32, flush after 32", "drbd", 1.2),
    ("at least 1.2 times DRBD 8.4 writing sequentially", "256k sequential write, depth 4", "drbd", 1.2),
] + [("never below md + nbdkit", name, "nbdkit", 1.0) for name, _, _ in JOBS]


class Rounds:
    def __init__(self, data):
        self.rounds = data["rounds"]

    def values(self, variant, job, get=lambda r: r["value"]):
        found = []
        for each in self.rounds:
            try:
                found.append(get(each[variant][job]))
            except KeyError:
                pass
        return found

    def median(self, variant, job, get=lambda r: r["value"]):
        values = self.values(variant, job, get)
        return statistics.median(values) if values else None

    def ratios(self, variant, other, job):
        return [each[variant][job]["value"] / each[other][job]["value"] for each in self.rounds
                if job in each.get(variant, {}) and job in each.get(other, {}) and each[other][job]["value"]]


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    """'median (lowest-highest)'"""
    if not values:
        return "-"
    text = number(statistics.median(values))
    return text if len(values) == 1 else f"{text} ({number(min(values))}-{number(max(values))})"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


def render(data, chosen):
    rounds, stamp = Rounds(data), data["stamp"]
    versions = ", ".join(f"{name} {version}" for name, version in stamp["versions"].items())
    lines = ["# Mirrors beside each other", "",
             f"`make bench-mirror`: {len(data['rounds'])} rounds, {data['seconds']} s a job, all mirrors in each round over the same two disks and the same link.", "",
             f"- commit {stamp['commit']}; {versions}", f"- kernel {stamp['kernel']} in both guests; {stamp['guests']}", f"- {stamp['machine']}",
             f"- all md mirrors: bitmap chunk {CHUNK_KIB} KiB, peer's half write-mostly, no bad-block log, safe_mode_delay {SAFE_MODE_S} s, the kernel's "
             "own resync limits; NBD by nbdc everywhere; DRBD with its defaults",
             f"- jobs: fio, libaio, O_DIRECT, over {SIZE_MIB} MiB, each 4 MiB of which was touched just before", "",
             "Emulated machines: what costs instructions weighs more here, what waits for wires and disks less. Ratios within a round count, absolute figures do not.", ""]
    lines += speed(rounds, chosen) + ratio_tables(rounds, chosen)
    lines += goals(rounds) + profile(rounds, chosen) + sends(data.get("sends")) + latency(rounds, chosen) + coming_back(rounds, chosen)
    return "\n".join(lines).rstrip() + "\n"


def speed(rounds, chosen):
    rows = [[f"{job} ({unit})", *(spread(rounds.values(v, job)) for v, _ in chosen)] for job, _, unit in JOBS if any(rounds.values(v, job) for v, _ in chosen)]
    return ["## Speed: median (lowest-highest)", ""] + table(["job", *(title for _, title in chosen)], rows)


def ratio_tables(rounds, chosen):
    lines = []
    for other, title in chosen:
        if other not in ("drbd", "nbdkit", "nvme-tcp", "local"):
            continue
        mine = [(v, t) for v, t in chosen if v in ("ours", "ours-ktls") or (v, other) == ("ours-cached", "nbdkit")]
        rows = [[job, *(spread(rounds.ratios(v, other, job)) for v, _ in mine)] for job, _, _ in JOBS if any(rounds.ratios(v, other, job) for v, _ in mine)]
        if mine and rows:
            lines += [f"## Times {title}", ""] + table(["job", *(t for _, t in mine)], rows)
    return lines


def goals(rounds):
    rows = []
    for words, job, other, least in GOALS:
        ratios = rounds.ratios("ours", other, job)
        if ratios:
            median = statistics.median(ratios)
            verdict = "met" if median >= least else f"**not met** (missing {100 * (1 - median / least):.0f} %)"
            if median < least <= max(ratios):
                verdict += ", within the spread"
            rows.append([words, job, spread(ratios), f"{least:.1f}", verdict])
    return ["## Goals", ""] + table(["goal", "job", "ratio", "wanted", ""], rows) if rows else []


def profile(rounds, chosen):
    """What one request costs: where the difference between two mirrors goes."""
    lines = ["## What one request costs", "",
             "For each request that node-a's disk saw in one stretch in the middle of the job: microseconds of the host's processors that each QEMU took, what the guests asked of "
             "their disks, packets on node-b's link towards it and back. Fewer writes on node-b than one: its server answers from the page cache and writes later.", ""]
    for job, _, _ in JOBS:
        rows = []
        for variant, title in chosen:
            values = [rounds.values(variant, job, lambda r, k=k, i=i, scale=scale: r["cost"][k][i] * scale) for k, i, scale in COSTS]
            if values[0]:
                rows.append([title, *(number(statistics.median(each)) for each in values)])
        if rows:
            lines += [f"### {job}", ""] + table(["mirror", "node-a us", "node-b us", "writes b", "flushes a", "flushes b", "packets to b", "from b"], rows)
    return lines


def sends(found):
    """Why a large write costs an NBD client more packets than others."""
    if not found:
        return []
    rows = [[f"{x['piece'] >> 10} KiB", number(x["mb_s"]), number(x["packets"])] for x in found]
    return ["## How 256 KiB go to the wire", "", "TCP alone between the two guests, one request of 256 KiB at a time, each answered by one byte: given to the kernel in pieces as `nbd.ko` gives it (a "
            "send for each page, MSG_MORE on all but the last), and in one.", ""] + table(["given in pieces of", "MB/s", "packets"], rows)


def latency(rounds, chosen):
    rows = [[job, *(f"{number(rounds.median(v, job, lambda r: r['mean_us']))} / {number(rounds.median(v, job, lambda r: r['p99_us']))}" for v, _ in chosen)]
            for job in WRITES if any(rounds.values(v, job) for v, _ in chosen)]
    return ["## Latency of a write in us: mean / 99 % (without its flush)", ""] + table(["job", *(t for _, t in chosen)], rows) if rows else []


def coming_back(rounds, chosen):
    rows = []
    for v, title in chosen:
        if not rounds.values(v, "outage", lambda r: 1) and not rounds.values(v, "resync", lambda r: 1):
            continue
        def get(job, *path):
            def walk(r):
                for key in path:
                    r = r[key]
                return r
            return spread(rounds.values(v, job, walk))
        rows.append([title, get("outage", "resynced_mib"), get("outage", "seconds"), get("resync", "idle_mb_s"), get("resync", "busy_mb_s"),
                     get("resync", "calm", "mean_us"), get("resync", "busy", "mean_us"), get("resync", "busy", "p99_us")])
    if not rows:
        return []
    return ["## Coming back", "",
            f"After an outage: {OUTAGE_WRITES} random 4k writes over {OUTAGE_MIB} MiB while the peer's half was away, then MiB written to node-b's disk until both were "
            f"in sync, and seconds. Resync: the pace of a resync of everything, at its beginning, without load and then under {UNDER_RESYNC_IOPS} 4k writes a second, whose latency is told beside that without a resync.", ""
            ] + table(["mirror", "outage: MiB", "outage: s", "resync MB/s", "with load MB/s", "write us, calm", "write us, resync", "99 %"], rows)
