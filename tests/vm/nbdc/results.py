# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/results/nbdc.md: what each run of this folder's long tests measured, and their totals.

A test adds its line here with its own hand, also when it failed. Without RESULTS in the environment nothing is written: a test in `make check` leaves the
tree as it was. Several tests may write at the same time.
"""

import fcntl
import os
import re
import subprocess
import time
from pathlib import Path

from vmbed import settings

HEAD = """# nbdc in virtual machines

Written by `make nbdc-cuts`, `make soak-ktls`, `make nbdc-costs` and `make nbdc-times` (KERNEL=6.12 for the backported kernel); each line is one run, also
of one that failed. The machines are two VMs with one processor each, `load` is that of their host meanwhile: where processors are emulated and
shared, ratios within a line count, absolute figures do not.
"""
STAMP = ("date", "accelerator", "load", "kernel", "versions", "commit")


class Section:
    """`sums`: columns that are added up for each kernel, with the word behind the sum."""

    def __init__(self, title, text, columns, sums=()):
        self.title, self.text, self.columns, self.sums = title, text, (*STAMP, *columns), sums

    def cell(self, row, column):
        return row[self.columns.index(column)]

    def totals(self, rows):
        kernels = {}
        for row in rows:
            kernels.setdefault(tuple(map(int, self.cell(row, "kernel").split(".")[:2])), []).append(row)
        return [f"- Linux {'.'.join(map(str, kernel))}: {self._total(mine)}" for kernel, mine in sorted(kernels.items())] if self.sums else []

    def _total(self, rows):
        said = [f"{sum(float(self.cell(row, column)) for row in rows):.0f} {word}" for column, word in self.sums]
        bad = sum(self.cell(row, "outcome") != "good" for row in rows)
        return ", ".join([*said, f"{bad} of {len(rows)} runs failed" if bad else f"runs: {len(rows)}, none failed"])


SECTIONS = {
    "cuts": Section(
        "Random cuts under verified writes",
        "`make nbdc-cuts CUTS=200 [SEED=hex] [KERNEL=6.12]`: one or two faults at a time, for a random time, of nbdd, nbdc, its keeper, the links and the peer, while fio\n"
        "writes and reads back every block. Good: no I/O error, no wrong byte, no process stuck, requests answered again within 12 s of each fault's end.",
        ("seed", "cuts", "requests went on, median", "longest", "MiB written and read back", "longest request", "outcome"),
        (("cuts", "cuts"), ("MiB written and read back", "MiB"))),
    "soak": Section(
        "Soak of the encrypted connection",
        "`make soak-ktls MINUTES=60 [SEED=hex] [KERNEL=6.12]`: TLS in both kernels under verified writes, with keys that last for a few thousand records only, so that a run\n"
        "sees many planned changes of the connection, and with faults now and then. Good: no I/O error, no wrong byte, no process stuck.",
        ("seed", "minutes", "MiB written and read back", "planned changes", "faults", "longest request", "outcome"),
        (("minutes", "minutes"), ("MiB written and read back", "MiB"), ("planned changes", "planned changes"))),
    "costs": Section(
        "What encryption costs",
        "`make nbdc-costs [KERNEL=6.12]`: milliseconds of both machines' processors together for each MiB that is written or read, sequential, 256 KiB, direct; beside them what\n"
        "this guest's processor takes for a MiB of AES-128-GCM (`openssl speed`, records of 16 KiB). A MiB is ciphered twice, once on each side, so that 1.0 in the\n"
        "last column is a cost that is the cipher's alone.",
        ("write, plain", "write, TLS", "read, plain", "read, TLS", "AES-128-GCM, once", "more by TLS / two ciphers")),
    "times": Section(
        "Pauses",
        "`make nbdc-times [KERNEL=6.12]`: how long requests waited, in seconds: an application that syncs each write while nbdd is restarted three times (goal: under 2), a leg\n"
        "that moves to the peer's other address when the link is lost (under 1; idle: under 2), and a detach from a frozen peer (under 2).",
        ("restart of nbdd, longest request", "moved, IPv4", "moved, IPv6", "moved, idle", "detach from a frozen peer")),
}


def commit():
    """Of the tree that is tested; what earlier runs wrote to the results is no change of it."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=settings.TOP, capture_output=True, text=True)
    name = git("rev-parse", "--short", "HEAD").stdout.strip() or "unknown"
    changed = git("status", "--porcelain", "--", ".", ":!docs/results").stdout
    return name + "-dirty" if changed else name


COMMIT = commit()  # as the run begins


def stamp(vm):
    """What is known of the machines while they answer: a run whose machines do not any more has its line, too."""
    versions = f"nbdc {vm.check('nbdc --version').split()[-1]}, GnuTLS {vm.check('dpkg-query -W libgnutls30').split()[1]}"
    accelerator = "KVM" if "kvm" in settings.ACCEL else f"emulated ({settings.CPU})"
    return [time.strftime("%Y-%m-%d"), accelerator, f"{os.getloadavg()[1]:.0f}", vm.check("uname -r").strip(), versions, COMMIT]


def line(cells):
    return "| " + " | ".join(cells) + " |"


def read_rows(text, section):
    """The lines of one section's table, as lists of cells."""
    _, _, rest = text.partition(f"## {section.title}\n")
    lines = [each for each in rest.partition("\n## ")[0].splitlines() if re.match(r"\| \d", each)]
    return [[cell.strip() for cell in each.strip("| ").split(" | ")] for each in lines]


def render(rows):
    out = [HEAD]
    for name, section in SECTIONS.items():
        if rows[name]:
            totals = section.totals(rows[name])
            out += [f"## {section.title}", "", section.text, "", line(section.columns), "|" + "---|" * len(section.columns), *map(line, rows[name]), ""]
            out += [*totals, ""] if totals else []
    return "\n".join(out)


def add(known, name, *cells):
    """One line about the run that ends now; `known` is the stamp() of its beginning, `cells` as the section's columns say."""
    section = SECTIONS[name]
    row = known + [str(each).replace("|", "/") for each in cells]
    if len(row) != len(section.columns):
        raise ValueError(f"{len(cells)} cells for '{name}', expected {len(section.columns) - len(STAMP)}")
    print(f"{section.title}: " + ", ".join(f"{what}: {value}" for what, value in zip(section.columns, row)), flush=True)
    if not os.environ.get("RESULTS"):
        return
    path = Path(os.environ["RESULTS"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        rows = {each: read_rows(text, section) for each, section in SECTIONS.items()}
        rows[name].append(row)
        file.truncate(0)
        file.write(render(rows))
