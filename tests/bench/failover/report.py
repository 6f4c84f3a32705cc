# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bench-failover prints: distributions, goals met or not, where the time goes, and what was compared under which settings; and the plot."""

import os
import platform
import subprocess
import time
from collections import Counter
from statistics import median

from cluster.distributions import Pressure, figures, store, strips
from stamp import processor
from vmbed import settings

__all__ = ["Pressure", "render", "store", "write"]

WORDS = {"power-cut": "power cut of the primary", "secondary-cut": "power cut of the secondary", "link-cut": "all links of the primary cut",
         "move": "planned move", "witness-off": "power cut of the witness"}
COLOURS = {"ours": "#1f6feb", "postgresql": "#1a7f37", "pacemaker": "#d1570b"}
# event, how the runs are condensed, at most
GOALS = [("power-cut", "median", 3.5), ("power-cut", "worst", 8.0), ("secondary-cut", "median", 2.5), ("move", "median", 4.0)]
FASTER = 4.0  # times the others, at the median
ENOUGH = 5  # runs of an event, below which its median says little
NOISE_S = 0.5  # a longer silence than that is one; emulated machines pause for less than that by themselves


def values(data, stack, event):
    return [run["seconds"] for run in data["runs"] if run["stack"] == stack and run["event"] == event]


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


def verdict(met, missed=""):
    return "met" if met else f"**not met**{missed}"


def distributions(data, titles):
    rows = [[WORDS[event], title, *figures(found).split(" | "), str(sum(r["lost"] for r in data["runs"] if r["stack"] == stack and r["event"] == event))]
            for event in WORDS for stack, title in titles.items() if (found := values(data, stack, event))]
    return ["## Seconds without an answered write", "",
            "The longest silence from the event until writes were answered again all the time, as a client outside the nodes saw it, who asks anew ten times a second. Lost: "
            "acknowledged writes that were not in the file afterwards.", ""] + table(["event", "cluster", "runs", "median", "90 %", "most", "lost"], rows)


def goals(data):
    rows = []
    for event, how, most in GOALS:
        found = values(data, "ours", event)
        if found:
            is_s = median(found) if how == "median" else max(found)
            rows.append([WORDS[event], f"{how} at most {most:g} s", f"{is_s:.2f} s of {len(found)}", verdict(is_s <= most)])
    found = values(data, "ours", "witness-off")
    if found:
        rows.append([WORDS["witness-off"], f"no silence (longer than {NOISE_S:g} s)", f"{max(found):.2f} s at most of {len(found)}", verdict(max(found) <= NOISE_S)])
    for event in ("power-cut", "link-cut", "move"):
        mine, theirs = values(data, "ours", event), values(data, "pacemaker", event)
        if mine and theirs:
            times = median(theirs) / median(mine)
            rows.append([WORDS[event], f"{FASTER:g} times faster than Pacemaker at the median", f"{times:.1f} times", verdict(times >= FASTER)])
    ours = [run for run in data["runs"] if run["stack"] != "pacemaker"]
    if ours:
        lost = sum(run["lost"] for run in ours)
        rows.append(["all", "no acknowledged write is lost", f"{lost} of {len(ours)} runs", verdict(lost == 0)])
    return ["## Goals", ""] + table(["event", "goal", "measured", ""], rows) if rows else []


def phases(data):
    """Medians of when each phase was reached, of our cluster, and of what hamon-act did."""
    lines = []
    for event in WORDS:
        runs = [run for run in data["runs"] if run["stack"] == "ours" and run["event"] == event]
        reached = {}
        for run in runs:
            for phase, at in run.get("phases", {}).items():
                reached.setdefault(phase, []).append(at)
        steps = {}
        for run in runs:
            for effect, ms in run.get("effects", {}).items():
                steps.setdefault(effect, []).append(ms)
        often = {effect: ms for effect, ms in steps.items() if len(ms) * 2 >= len(runs)}
        if reached or often:
            lines += [f"### {WORDS[event]}", ""]
        if reached:
            rows = [[phase, f"{median(at):.2f}", f"{max(at):.2f}"] for phase, at in sorted(reached.items(), key=lambda item: median(item[1]))]
            rows.append(["first write answered", f"{median(r['seconds'] for r in runs):.2f}", f"{max(r['seconds'] for r in runs):.2f}"])
            lines += table(["reached, seconds after the event", "median", "most"], rows)
        if often:
            lines += ["Steps of hamon-act, median ms (most): " + ", ".join(f"{effect} {median(ms):.0f} ({max(ms)})" for effect, ms in often.items()) + ".", ""]
    return ["## Where our time goes", ""] + lines if lines else []


def render(data, titles):
    runs = data["runs"]
    commits = Counter(run["commit"] for run in runs)
    busy = [run["pressure"] for run in runs if run.get("pressure") is not None]
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    lines = ["# Failover beside each other", "", "`make bench-failover`: the same events on the same virtual machines, with the same service: a file system, a "
             "program that fsyncs each write before it answers, and an address.", "",
             "- commit " + ", ".join(f"{name} ({count} runs)" for name, count in commits.items()) + f"; {time.strftime('%F %R UTC', time.gmtime())}",
             f"- guests: Linux {data['guest']}, 1 processor, {settings.NODE_MIB} MiB, disk {settings.DATA_MIB} MiB behind a volatile write cache, two virtio networks",
             f"- host: {processor()}, {os.cpu_count()} CPUs, Linux {platform.release()}, {qemu}, accelerator {settings.ACCEL}"]
    if busy:
        lines.append(f"- in the median run somebody on the host waited for a CPU {median(busy):.0%} of the time, at most {max(busy):.0%}")
    counts = Counter((run["stack"], run["event"]) for run in runs)
    if any(counts[stack, event] < ENOUGH for stack, event in counts):
        lines += ["", f"**This report is preliminary:** some events were run fewer than {ENOUGH} times."]
    lines += ["", "Emulated machines: the seconds say how the two compare, real machines are faster.", "", "![seconds without an answered write](failover.svg)", ""]
    lines += distributions(data, titles) + goals(data) + phases(data)
    for stack, title in titles.items():
        for name, text in data["settings"].get(stack, ()):
            lines += [f"### {title}: {name}", "", "```", text.strip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def plot(data, titles):
    return strips("seconds without an answered write", {
        f"{event}, {stack}": {stack: found} for event in WORDS for stack in titles if (found := values(data, stack, event))}, COLOURS)


def write(folder, data, titles):
    """The report's text; it and the plot are in `folder` then."""
    folder.mkdir(parents=True, exist_ok=True)
    text = render(data, titles)
    (folder / "failover.md").write_text(text)
    (folder / "failover.svg").write_text(plot(data, titles))
    return text
