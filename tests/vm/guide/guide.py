# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of docs/CLUSTER.md, run as they stand there. A comment `<!-- on: MACHINE... -->` before an indented block says where its lines are typed.

What a test does instead of a person: it puts packages into the folder in which `apt install ./*.deb` is typed, answers apt's question about packages of
the distribution (which come from a folder, too: the machines have no way out), leaves `cluster create` waiting in another terminal, and types the join lines
that it prints where the page has the form of one. The page's `client` is the witness's machine: what it has besides does not matter to it.
"""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cluster.cluster import Failed
from vmbed import settings

PAGE = settings.TOP / "docs/CLUSTER.md"
FOLDER = "/root/packages"
CREATE_LOG = "/run/cluster-create.log"
CLIENT = "client"
CLIENT_MACHINE = "witness"


@dataclass(frozen=True)
class Command:
    section: str
    machine: str
    text: str


def commands(page):
    """Every command of the page in its order; a line for several machines is a command on each."""
    found, section, machines, block = [], "", None, False
    for line in page.splitlines():
        if line.startswith("## "):
            section = line[3:]
        if mark := re.fullmatch(r"<!-- on: ([a-z -]+) -->", line):
            if machines and not block:
                raise Failed(f"two marks without a block, at '{line}' in '{section}'")
            machines, block = mark[1].split(), False
        elif machines and line.startswith("    "):
            block = True
            text = re.sub(r"\s{2,}# .*$", "", line[4:])
            found += [Command(section, machine, text) for machine in machines]
        elif machines and line.strip():
            if not block:
                raise Failed(f"'{line}' stands between a mark and its block")
            machines = None
    return found


def of(section):
    """The commands of one section of the page."""
    found = [c for c in commands(PAGE.read_text()) if c.section == section]
    if not found:
        raise Failed(f"docs/CLUSTER.md has no commands in '{section}'")
    return found


def distribution_packages(*names, absent=None):
    """These packages of the distribution and what they need beyond the guest's, as files; downloaded once for each base image. What matches `absent` counts as not in it."""
    bases = sorted(settings.WORK.glob("base-[0-9a-f]*.tar"), key=os.path.getmtime)
    if not bases:
        raise Failed(f"there is no base image in {settings.WORK}")
    folder = settings.WORK / f"debs-{'-'.join(names)}{'-alone' if absent else ''}-{bases[-1].stem}"
    if not (folder / "complete").exists():
        (folder / "partial").mkdir(parents=True, exist_ok=True)
        status = folder / "status"
        text = subprocess.run(["tar", "-xOf", bases[-1], "./var/lib/dpkg/status"], check=True, stdout=subprocess.PIPE, text=True).stdout
        status.write_text("".join(f"{stanza}\n\n" for stanza in text.strip().split("\n\n") if not absent or not re.match(f"Package: ({absent})\n", stanza)))
        subprocess.run(["apt-get", "-q", "-y", "--no-install-recommends", "-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={folder}",
                        "-o", "Debug::NoLocking=1", "install", "--download-only", *names], check=True, stdout=subprocess.DEVNULL)
        (folder / "complete").touch()
    return sorted(folder.glob("*.deb"))


class Typist:
    """Types commands on the machines of a trio, and counts them."""

    def __init__(self, trio, say, absent=None):
        self.trio, self.say, self.absent, self.count = trio, say, absent, 0

    def type(self, command, timeout=300):
        text, vm = command.text, self.trio[CLIENT_MACHINE if command.machine == CLIENT else command.machine]
        self.count += 1
        begin = time.monotonic()
        if text.startswith("apt install ") and not text.startswith("apt install ./"):
            vm.check(f"rm -rf {FOLDER}-more && mkdir {FOLDER}-more")
            for deb in distribution_packages(*text.split()[2:], absent=self.absent):
                vm.put(f"{FOLDER}-more/{deb.name}", deb.read_bytes())
            text = f"cd {FOLDER}-more && DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install ./*.deb"
        elif text.startswith("apt install "):
            text = f"cd {FOLDER} && DEBIAN_FRONTEND=noninteractive {text}"
        if text.startswith("hamonctl cluster create "):
            vm.check(f"nohup {text} >{CREATE_LOG} 2>&1 </dev/null &")
            vm.check(f"until [ $(grep -c 'cluster join' {CREATE_LOG}) -ge {len(self.trio.vms) - 1} ]; do sleep 0.2; pgrep -x hamonctl >/dev/null || {{ cat {CREATE_LOG} >&2; exit 1; }}; done", 60)
            out = ""
        else:
            if text.startswith("hamonctl cluster join "):
                text = self.join_line(command.machine)
            out = vm.check(text, timeout)
        self.say(f"{command.machine}# {command.text}   ({time.monotonic() - begin:.1f} s)")
        return out

    def join_line(self, machine):
        for vm in self.trio.vms.values():
            found = re.search(rf"^ +(hamonctl cluster join \S+ {machine}:[0-9a-f]+)$", vm.run(f"cat {CREATE_LOG}")[1], re.M)
            if found:
                return found[1]
        raise Failed(f"nobody printed a join line for {machine}")

    def type_at_once(self, found, timeout=300):
        """One line on several machines, as one person sits at each; what the last one printed."""
        with ThreadPoolExecutor(len(found)) as pool:
            return list(pool.map(lambda command: self.type(command, timeout), found))[-1]


def lines(found):
    """The commands of one line of the page together: [[Command of node-a, of node-b], ...]."""
    together = []
    for command in found:
        if together and together[-1][0].text == command.text and command.machine not in [c.machine for c in together[-1]]:
            together[-1].append(command)
        else:
            together.append([command])
    return together
