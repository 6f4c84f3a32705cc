# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run was: docs/results/chaos-SEED.md and two plots, from the records of its rounds. Never decides whether a promise held."""

import os
import platform
import subprocess
import time
from collections import Counter
from statistics import median

import plan
from cluster.distributions import Pressure, figures, strips
from stamp import TOP, commit, processor
from vmbed import settings

__all__ = ["Pressure", "write"]

OVERLAPPING = "several at once"
COLOURS = {"data": "#1f6feb", "raw": "#d1570b"}


def stamp(o, guest):
    command = f"make chaos MINUTES={o.minutes:g} SEED={o.seed}" + " PG=1" * o.postgres + (f" KINDS={','.join(o.kinds)}" if o.kinds else "")
    command += f" LONGEST={o.longest:g}" if o.longest != plan.LONGEST_S else ""
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    return [("command", f"`{command}`"), ("seed", o.seed), ("date", time.strftime("%F %R UTC", time.gmtime())),
            ("nbdd", f"{(TOP / 'VERSION').read_text().strip()}, commit {commit()}"),
            ("guests", f"Linux {guest}, Debian 12, {settings.NODE_MIB} MiB, accelerator {settings.ACCEL}"),
            ("host", f"{processor()}, {os.cpu_count()} CPUs, Linux {platform.release()}, {qemu}, patience {settings.PATIENCE:g}")]


def kind_of(record):
    return record["labels"][0] if len(record["labels"]) == 1 else OVERLAPPING


def by_kind(records):
    kinds = {}
    for r in records:
        kinds.setdefault(kind_of(r), []).append(r)
    return dict(sorted(kinds.items(), key=lambda item: (item[0] == OVERLAPPING, item[0])))


def busy(records):
    shares = [r["pressure"] for r in records if r.get("pressure") is not None]
    return f" In the median round somebody on the host waited for a CPU {median(shares):.0%} of the time, at most {max(shares):.0%}." if shares else ""


def write(folder, o, records, guest="?", outcome=None):
    """Returns the path of the report. `outcome`: one sentence about how the run ended."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"chaos-{o.seed}"
    kinds = by_kind(records)
    (folder / f"{name}-unavailable.svg").write_text(strips("seconds without an acknowledged write", {
        k: {m: [r["mirrors"][m]["unavailable_s"] for r in rs] for m in COLOURS} for k, rs in kinds.items()}, COLOURS))
    (folder / f"{name}-redundant.svg").write_text(strips("seconds from the last repair to redundant and serving", {
        k: {"data": [r["redundant_s"] for r in rs]} for k, rs in kinds.items()}, COLOURS))
    out = [f"# Chaos, seed {o.seed}", "", outcome or "", "", "| | |", "|---|---|"]
    out += [f"| {a} | {b} |" for a, b in stamp(o, guest)]
    drawn = Counter(kind for r in records for kind in r["kinds"])
    out += ["", f"{sum(drawn.values())} faults in {len(records)} rounds: " + ", ".join(f"{kind} {n}" for kind, n in sorted(drawn.items())) + "."]
    out += ["", "Emulated machines on a shared host: the seconds below say how the faults compare, not how fast a real machine is." + busy(records), "",
            "## Faults and what they cost", "",
            "A round counts for its fault when it had only one. Unavailable: the longest time without an answered write at the service address, from the "
            "first fault to redundancy; a fault that lasts for 60 s on both nodes costs at least that.", "",
            "| fault | mirror | rounds | median s | 90% s | most s | failovers |", "|---|---|---|---|---|---|---|"]
    for kind, rs in kinds.items():
        for m in COLOURS:
            moves = sum(r["mirrors"][m]["failovers"] for r in rs)
            out.append(f"| {kind} | {m} | {figures([r['mirrors'][m]['unavailable_s'] for r in rs])} | {moves} |")
    out += ["", f"![seconds without an acknowledged write]({name}-unavailable.svg)", "", "## Redundant again, seconds after the last repair", "",
            "| fault | rounds | median s | 90% s | most s |", "|---|---|---|---|---|"]
    out += [f"| {kind} | {figures([r['redundant_s'] for r in rs])} |" for kind, rs in kinds.items()]
    out += ["", f"![seconds to redundancy]({name}-redundant.svg)", ""]
    helped = [r for r in records if r.get("person")]
    out += [f"A person was needed in {len(helped)} of {len(records)} rounds, each after a disk error (docs/TROUBLESHOOTING.md)" + ":" * bool(helped) + "." * (not helped), ""]
    out += [f"- round {r['round']}: " + "; ".join(f"`{t}`" for t in r["person"]) for r in helped]
    out += ["", "## Writes", ""]
    out += writes(records)
    out += ["", "## Rounds", "", "| round | faults | data s | raw s | redundant s |", "|---|---|---|---|---|"]
    out += [f"| {r['round']} | {'; '.join(r['faults'])} | {r['mirrors']['data']['unavailable_s']:.2f} | {r['mirrors']['raw']['unavailable_s']:.2f} | {r['redundant_s']:.1f} |"
            for r in records]
    path = folder / f"{name}.md"
    path.write_text("\n".join(out) + "\n")
    return path


def writes(records):
    lines = ["| mirror | answered | durable | in doubt | sectors checked | unflushed gone | torn in flight | reads | stale after a thaw | services |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for m in COLOURS:
        last = next((r["mirrors"][m] for r in reversed(records) if "counts" in r["mirrors"][m]), None)
        if last:
            seen = [r["mirrors"][m]["seen"] for r in records if "seen" in r["mirrors"][m]]
            lines.append(f"| {m} | {last['counts']['completed']} | {last['counts']['durable']} | {last['counts']['in_doubt']} | {sum(s['checked'] for s in seen)} | "
                         f"{sum(s['gone_unflushed'] for s in seen)} | {sum(s['torn_in_doubt'] for s in seen)} | {last['counts']['read']} | "
                         f"{sum(r['mirrors'][m].get('stale_after_thaw', 0) for r in records)} | {last['generations']} |")
    if any("commits" in r for r in records):
        lines += ["", f"PostgreSQL: {max(r.get('commits', 0) for r in records)} acknowledged commits, all there after each round; pg_amcheck at the end."]
    return lines
